namespace Stockflow.Position;

/// <summary>The scripts of a lane in Redis; its keys in <see cref="LaneKeys"/>.</summary>
internal static class CommitScript
{
    /// <summary>Start of a script on a lane's hash tag KEYS[1]: <c>base</c> of the current generation.</summary>
    public const string Current = """
        local generation = redis.call('GET', KEYS[1] .. ':generation') or ''
        local base = KEYS[1]
        if generation ~= '' then base = base .. ':g' .. generation end

        """;

    /// <summary>KEYS[1] the hash tag, ARGV[1] a SKU. Returns its locations and values.</summary>
    public const string ReadSku = Current + "return redis.call('HGETALL', base .. ':sku:' .. ARGV[1])";

    /// <summary>KEYS[1] the hash tag, ARGV[1] a SKU, ARGV[2] a location. Returns its value or nil.</summary>
    public const string ReadPosition = Current + "return redis.call('HGET', base .. ':sku:' .. ARGV[1], ARGV[2])";

    /// <summary>KEYS[1] the hash tag. Returns the lane's watermark and close watermark, or nils.</summary>
    public const string ReadMarks = Current + "return redis.call('HMGET', base .. ':lane', 'watermark', 'close')";

    /// <summary>
    /// KEYS[1] the lane's hash tag. ARGV[1] the clock in milliseconds: the new epoch is above the old one and above any that a store which
    /// lost its data could give out again. Returns the base of the current generation, to which alone the epoch admits, and the lane hash;
    /// nothing while a repair holds the lane.
    /// </summary>
    public const string Acquire = Current + """
        if redis.call('EXISTS', KEYS[1] .. ':hold') == 1 then return {} end
        local lane = base .. ':lane'
        local epoch = tonumber(redis.call('HGET', lane, 'epoch') or '0')
        epoch = math.max(epoch + 1, tonumber(ARGV[1]))
        redis.call('HSET', lane, 'epoch', string.format('%.0f', epoch))
        return {base, redis.call('HGETALL', lane)}
        """;

    /// <summary>
    /// KEYS[1] the base. ARGV: epoch, expected offset (empty for a new lane), next offset, expected revision, bucket, a blob of packed
    /// fingerprints and positions (<see cref="CommitEncoder"/>), the lengths of the first and of both, then counted groups: watermark fields and
    /// values; expired buckets; positions that are settled, and that become unsettled; SKUs whose corrections are no longer held, and whose are;
    /// event ids of commands.
    /// Returns 'applied', 'epoch' or 'offset'. Positions are absolute values, computed by the one writer that the epoch admits;
    /// the check of offset and revision makes a repeated call change nothing and finds a store that lost its tail.
    /// </summary>
    public const string Commit = StockScript.Acknowledge + """
        local tag = KEYS[1]
        local lane = tag .. ':lane'
        local now = redis.call('HMGET', lane, 'epoch', 'next', 'revision')
        if now[1] ~= ARGV[1] then return 'epoch' end
        local next, behind = now[2] or '', tonumber(ARGV[4]) - tonumber(now[3] or '0')
        if next == ARGV[3] and behind == -1 then return 'applied' end
        if next ~= ARGV[2] or behind ~= 0 then return 'offset' end
        local blob, at, length = ARGV[6], tonumber(ARGV[7]) + 1, tonumber(ARGV[8])
        if at > 1 then
          redis.call('RPUSH', tag .. ':seen:' .. ARGV[5], string.sub(blob, 1, at - 1))
          redis.call('SADD', tag .. ':buckets', ARGV[5])
        end
        local i = 9
        local n = tonumber(ARGV[i])
        if n > 0 then redis.call('HSET', lane, unpack(ARGV, i + 1, i + n)) end
        i = i + n + 1
        n = tonumber(ARGV[i])
        for j = i + 1, i + n do
          redis.call('UNLINK', tag .. ':seen:' .. ARGV[j])
          redis.call('SREM', tag .. ':buckets', ARGV[j])
        end
        i = i + n + 1
        for _, set in ipairs({':unsettled', ':held'}) do
          for _, change in ipairs({'SREM', 'SADD'}) do
            n = tonumber(ARGV[i])
            for j = i + 1, i + n do redis.call(change, tag .. set, ARGV[j]) end
            i = i + n + 1
          end
        end
        n = tonumber(ARGV[i])
        if n > 0 then acknowledge(string.match(tag, '^[^}]*}'), i + 1, i + n, ARGV[3]) end
        local read, values, sku = struct.unpack, {}, nil
        while at <= length do
          sku, n, at = read('<Bc0H', blob, at)
          for j = 1, n + n, 2 do
            values[j], values[j + 1], at = read('Bc0c56', blob, at)
          end
          redis.call('HSET', tag .. ':sku:' .. sku, unpack(values, 1, n + n))
        end
        local clock = redis.call('TIME')
        redis.call('HSET', lane, 'next', ARGV[3], 'at', string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000)))
        redis.call('HINCRBY', lane, 'revision', 1)
        return 'applied'
        """;
}
