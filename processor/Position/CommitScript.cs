namespace Stockflow.Position;

/// <summary>
/// The scripts that change a lane in Redis. All keys of a lane carry its hash tag <c>{prefix:partition}</c>, so they live in one slot:
/// <c>:lane</c> hash (epoch, next, wm:SOURCE), <c>:sku:ID</c> hash (location to <see cref="PositionCodec"/> value),
/// <c>:seen:BUCKET</c> list of packed fingerprints, <c>:buckets</c> set, <c>:unsettled</c> set.
/// </summary>
internal static class CommitScript
{
    /// <summary>
    /// KEYS[1] the lane's hash tag. ARGV[1] the clock in milliseconds: the new epoch is above the old one and above any that a store which
    /// lost its data could give out again. Returns the lane hash.
    /// </summary>
    public const string Acquire = """
        local lane = KEYS[1] .. ':lane'
        local epoch = tonumber(redis.call('HGET', lane, 'epoch') or '0')
        epoch = math.max(epoch + 1, tonumber(ARGV[1]))
        redis.call('HSET', lane, 'epoch', string.format('%.0f', epoch))
        return redis.call('HGETALL', lane)
        """;

    /// <summary>
    /// KEYS[1] the hash tag. ARGV: epoch, expected offset (empty for a new lane), next offset, bucket, packed fingerprints, then five counted groups:
    /// watermark fields and values; expired buckets; positions that become unsettled; positions that are settled;
    /// SKUs, each with its id, a count, and that many fields and values.
    /// Returns 'applied', 'epoch' or 'offset'. Positions are absolute values, computed by the one writer that the epoch admits;
    /// the offset check makes a repeated call change nothing.
    /// </summary>
    public const string Commit = """
        local tag = KEYS[1]
        local lane = tag .. ':lane'
        local now = redis.call('HMGET', lane, 'epoch', 'next')
        if now[1] ~= ARGV[1] then return 'epoch' end
        local next = now[2] or ''
        if next ~= ARGV[2] then
          if next == ARGV[3] then return 'applied' end
          return 'offset'
        end
        if ARGV[5] ~= '' then
          redis.call('RPUSH', tag .. ':seen:' .. ARGV[4], ARGV[5])
          redis.call('SADD', tag .. ':buckets', ARGV[4])
        end
        local i = 6
        local n = tonumber(ARGV[i])
        if n > 0 then redis.call('HSET', lane, unpack(ARGV, i + 1, i + n)) end
        i = i + n + 1
        n = tonumber(ARGV[i])
        for j = i + 1, i + n do
          redis.call('UNLINK', tag .. ':seen:' .. ARGV[j])
          redis.call('SREM', tag .. ':buckets', ARGV[j])
        end
        i = i + n + 1
        n = tonumber(ARGV[i])
        for j = i + 1, i + n do redis.call('SADD', tag .. ':unsettled', ARGV[j]) end
        i = i + n + 1
        n = tonumber(ARGV[i])
        for j = i + 1, i + n do redis.call('SREM', tag .. ':unsettled', ARGV[j]) end
        i = i + n + 1
        n = tonumber(ARGV[i])
        i = i + 1
        for _ = 1, n do
          local count = tonumber(ARGV[i + 1])
          redis.call('HSET', tag .. ':sku:' .. ARGV[i], unpack(ARGV, i + 2, i + 1 + count))
          i = i + 2 + count
        end
        redis.call('HSET', lane, 'next', ARGV[3])
        return 'applied'
        """;
}
