namespace Stockflow.Position;

/// <summary>The scripts of a rebuild: it fills a generation of its own beside the current one and switches to it. Keys in <see cref="LaneKeys"/>.</summary>
internal static class GenerationScript
{
    /// <summary>KEYS[1] the hash tag, ARGV[1] the claimed generation, ARGV[2] milliseconds. Lengthens the claim; 0 if it is lost.</summary>
    public const string Renew = """
        local claim = KEYS[1] .. ':rebuild'
        if redis.call('GET', claim) ~= ARGV[1] then return 0 end
        return redis.call('PEXPIRE', claim, ARGV[2])
        """;

    /// <summary>KEYS[1] the hash tag, ARGV[1] the claimed generation.</summary>
    public const string Release = """
        local claim = KEYS[1] .. ':rebuild'
        if redis.call('GET', claim) == ARGV[1] then redis.call('DEL', claim) end
        return 1
        """;

    /// <summary>
    /// KEYS[1] the hash tag. ARGV: the generation that the rebuild found, its own, the next offset that it wrote, the clock in milliseconds.
    /// The old lane record goes, so every owner of the old base is refused at its next commit and opens the lane anew; the new record's epoch
    /// is above all that were given out. Returns 'switched' (also when repeated), 'claim', 'generation' or 'incomplete'.
    /// </summary>
    public const string Switch = CommitScript.Current + """
        if generation == ARGV[2] then return 'switched' end
        if redis.call('GET', KEYS[1] .. ':rebuild') ~= ARGV[2] then return 'claim' end
        if generation ~= ARGV[1] then return 'generation' end
        local fresh = KEYS[1] .. ':g' .. ARGV[2] .. ':lane'
        if redis.call('HGET', fresh, 'next') ~= ARGV[3] then return 'incomplete' end
        local epoch = tonumber(redis.call('HGET', base .. ':lane', 'epoch') or '0')
        epoch = math.max(epoch + 1, tonumber(ARGV[4]))
        redis.call('HSET', fresh, 'epoch', string.format('%.0f', epoch))
        redis.call('DEL', base .. ':lane')
        redis.call('SET', KEYS[1] .. ':generation', ARGV[2])
        redis.call('DEL', KEYS[1] .. ':rebuild')
        return 'switched'
        """;
}
