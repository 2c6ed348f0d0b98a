namespace Stockflow.Position;

/// <summary>The scripts of a reconciliation. Keys in <see cref="LaneKeys"/>; <c>TAG:hold</c> keeps a lane from being opened while it is repaired.</summary>
internal static class ReconcileScript
{
    /// <summary>
    /// KEYS[1] the hash tag, ARGV[1] a SKU. Returns, as of one instant: the lane's next offset or '', the SKU's locations and values, and those
    /// locations that are unsettled; '' where all of them may be.
    /// </summary>
    public const string ReadSku = CommitScript.Current + """
        local fields = redis.call('HGETALL', base .. ':sku:' .. ARGV[1])
        local unsettled = {}
        if redis.call('SISMEMBER', base .. ':unsettled', ARGV[1] .. '\0') == 1 then unsettled[1] = '' end
        for i = 1, #fields, 2 do
          if redis.call('SISMEMBER', base .. ':unsettled', ARGV[1] .. '\0' .. fields[i]) == 1 then unsettled[#unsettled + 1] = fields[i] end
        end
        return {redis.call('HGET', base .. ':lane', 'next') or '', fields, unsettled}
        """;

    /// <summary>
    /// KEYS[1] the hash tag. ARGV: a token, milliseconds, the clock in milliseconds. Takes the lane from its owner for that time.
    /// Returns the new epoch and the next offset, or nothing where another holds the lane or it has no record.
    /// </summary>
    public const string Hold = CommitScript.Current + """
        local lane = base .. ':lane'
        local next = redis.call('HGET', lane, 'next')
        if not next or not redis.call('SET', KEYS[1] .. ':hold', ARGV[1], 'NX', 'PX', ARGV[2]) then return {} end
        local epoch = math.max(tonumber(redis.call('HGET', lane, 'epoch') or '0') + 1, tonumber(ARGV[3]))
        epoch = string.format('%.0f', epoch)
        redis.call('HSET', lane, 'epoch', epoch)
        return {epoch, next}
        """;

    /// <summary>KEYS[1] the hash tag, ARGV[1] the token.</summary>
    public const string Release = """
        if redis.call('GET', KEYS[1] .. ':hold') == ARGV[1] then redis.call('DEL', KEYS[1] .. ':hold') end
        return 1
        """;

    /// <summary>
    /// KEYS[1] the hash tag. ARGV: epoch, next offset, then for each position its SKU, its location and its value, empty to remove it.
    /// Returns 1, or 0 where the lane has moved on and nothing was changed.
    /// </summary>
    public const string Repair = CommitScript.Current + """
        local now = redis.call('HMGET', base .. ':lane', 'epoch', 'next')
        if now[1] ~= ARGV[1] or now[2] ~= ARGV[2] then return 0 end
        for i = 3, #ARGV, 3 do
          local key = base .. ':sku:' .. ARGV[i]
          if ARGV[i + 2] == '' then redis.call('HDEL', key, ARGV[i + 1]) else redis.call('HSET', key, ARGV[i + 1], ARGV[i + 2]) end
          redis.call('SREM', base .. ':unsettled', ARGV[i] .. '\0' .. ARGV[i + 1])
        end
        return 1
        """;
}
