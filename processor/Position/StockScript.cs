namespace Stockflow.Position;

/// <summary>
/// The scripts of commands. A SKU's keys stand under its lane's hash tag TAG beside the generations of positions, since a rebuild replaces
/// those and not these: <c>:stock:SKU</c> hash (location to eight numbers of 8 bytes: what commands changed and the lane has not applied
/// yet of on-hand, unsellable, reserved, in-transit in and out; units held; safety buffer; a time before which no hold there lapses),
/// <c>:hold:SKU</c> hash (hold to UNITS:LOCATION), <c>:holds:SKU</c> sorted set (hold by the time it lapses), <c>:dated:SKU</c> hash
/// (location, 0, source to UNITS:TIME), <c>:pending</c> hash (event_id to what it changed), <c>:outbox</c> stream, <c>:applied</c> string
/// (the offset up to which the lane has taken changes back out of <c>:pending</c>). Under <c>PREFIX:stock</c>: <c>:doc:KIND:ID</c> hash
/// (r revision, b body), <c>:list:KIND:NAME</c> sorted sets, <c>:due</c> sorted set, <c>:key:KEY</c> hashes, <c>:outboxes</c> set.
/// A command may touch several lanes, so its keys are on several slots: one Redis primary, no cluster.
/// </summary>
internal static class StockScript
{
    /// <summary>Functions that read and write the eight numbers of a location, in a table; a location with nothing to say has none.</summary>
    private const string Numbers = """
        local function load(tag, sku, place)
          local stock = redis.call('HGET', tag .. ':stock:' .. sku, place)
          return stock and {struct.unpack('<i8i8i8i8i8i8i8i8', stock)} or {0, 0, 0, 0, 0, 0, 0, 0}
        end
        local function save(tag, sku, place, n)
          local name = tag .. ':stock:' .. sku
          if n[1] == 0 and n[2] == 0 and n[3] == 0 and n[4] == 0 and n[5] == 0 and n[6] == 0 and n[7] == 0 then
            redis.call('HDEL', name, place)
          else
            redis.call('HSET', name, place, struct.pack('<i8i8i8i8i8i8i8i8', unpack(n, 1, 8)))
          end
        end

        """;

    private const string Start = """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
        local function base(tag)
          local generation = redis.call('GET', tag .. ':generation')
          if generation and generation ~= '' then return tag .. ':g' .. generation end
          return tag
        end
        local function lapsed(tag, sku)
          local units = {}
          local ids = redis.call('ZRANGEBYSCORE', tag .. ':holds:' .. sku, 1, now)
          for _, id in ipairs(ids) do
            local hold = redis.call('HGET', tag .. ':hold:' .. sku, id)
            local colon = string.find(hold, ':', 1, true)
            local place = string.sub(hold, colon + 1)
            units[place] = (units[place] or 0) + tonumber(string.sub(hold, 1, colon - 1))
          end
          return units
        end

        """;

    /// <summary>
    /// KEYS[1] PREFIX:stock. ARGV[1] 1 to read dated quantities; then for each lane its tag, a count, and as many pairs of SKU and location
    /// (empty for all). Returns the clock, and for each lane its time of commit and watermark, then for each pair one value
    /// (<c>place..value</c> pairs in a list where all are asked for) and, if asked for, a list of dated fields and values. A value is the
    /// position (56 bytes, 0 first where there is none), what commands know (64 bytes) and lapsed units (8 bytes); the ends may be absent.
    /// </summary>
    public const string Read = Start + """
        local none = string.rep('\0', 56)
        local function value(tag, sku, place, position, stock)
          if not stock then return position or '' end
          local first = struct.unpack('<i8', stock, 57)
          if first == 0 or first > now then return (position or none) .. stock end
          return (position or none) .. stock .. struct.pack('<i8', lapsed(tag, sku)[place] or 0)
        end
        local answer, at, i, call = {string.format('%.0f', now)}, 1, 2, redis.call
        while i <= #ARGV do
          local tag, last = ARGV[i], i + 1 + 2 * tonumber(ARGV[i + 1])
          local from = base(tag)
          local lane = call('HMGET', from .. ':lane', 'at', 'watermark')
          answer[at + 1], answer[at + 2] = lane[1] or '0', lane[2] or '0'
          at = at + 2
          local positions, stocks = from .. ':sku:', tag .. ':stock:'
          for j = i + 2, last, 2 do
            local sku, place = ARGV[j], ARGV[j + 1]
            at = at + 1
            if place ~= '' then
              answer[at] = value(tag, sku, place, call('HGET', positions .. sku, place), call('HGET', stocks .. sku, place))
            else
              local states, n, stock = {}, 0, {}
              local fields = call('HGETALL', stocks .. sku)
              for k = 1, #fields, 2 do stock[fields[k]] = fields[k + 1] end
              fields = call('HGETALL', positions .. sku)
              for k = 1, #fields, 2 do
                states[n + 1], states[n + 2] = fields[k], value(tag, sku, fields[k], fields[k + 1], stock[fields[k]])
                stock[fields[k]] = nil
                n = n + 2
              end
              for where, known in pairs(stock) do
                states[n + 1], states[n + 2] = where, value(tag, sku, where, nil, known)
                n = n + 2
              end
              answer[at] = states
            end
            if ARGV[1] == '1' then
              at = at + 1
              answer[at] = call('HGETALL', tag .. ':dated:' .. sku)
            end
          end
          i = last + 1
        end
        return answer
        """;

    /// <summary>
    /// KEYS[1] PREFIX:stock. ARGV[1] the transaction (<see cref="StockPlan"/>), the others the texts that it names by number. Returns a verdict
    /// and the clock; then the answer of a repetition, or SKU, location, on-hand and available of each shortage.
    /// </summary>
    public const string Execute = Start + Numbers + """
        local root, t, time = KEYS[1], cjson.decode(ARGV[1]), string.format('%.0f', now)
        local key = t.key and root .. ':key:' .. ARGV[t.key]
        if key then
          local known = redis.call('HMGET', key, 'hash', 'answer')
          if known[1] then
            if known[1] ~= ARGV[t.hash] then return {'reused', time} end
            return {'repeated', time, known[2]}
          end
        end
        if (t.before and now >= t.before) or (t.from and now < t.from) then return {'time', time} end
        for _, d in ipairs(t.docs) do
          local revision = redis.call('HGET', root .. ':doc:' .. d.kind .. ':' .. ARGV[d.id], 'r') or '0'
          if tonumber(revision) ~= d.revision then return {'conflict', time} end
        end
        local bases = {}
        for _, tag in ipairs(t.tags) do
          local from = base(tag)
          local done = redis.call('GET', tag .. ':applied')
          if done and tonumber(redis.call('HGET', from .. ':lane', 'next') or '-1') < tonumber(done) then return {'behind', time} end
          bases[tag] = from
        end

        local over = {}
        local function lapsedOf(tag, sku)
          local id = tag .. sku
          if not over[id] then over[id] = lapsed(tag, sku) end
          return over[id]
        end
        local places = {}
        for i, p in ipairs(t.places) do
          local tag, sku, where = t.tags[p[1]], ARGV[p[2]], ARGV[p[3]]
          places[i] = {tag = tag, sku = sku, where = where, n = load(tag, sku, where)}
        end
        local function free(p)
          local n = p.n
          local reserved = math.max(p.reserved + n[3], n[6]) - p.lapsed
          return p.onHand + n[1] - p.unsellable - n[2] - math.max(0, reserved) - n[7]
        end
        for i, p in ipairs(places) do
          if t.checks[i] > 0 then
            local value = redis.call('HGET', bases[p.tag] .. ':sku:' .. p.sku, p.where)
            p.onHand, p.unsellable, p.reserved = 0, 0, 0
            if value then
              local _, onHand, unsellable, reserved = struct.unpack('<Bi8i6i6', value)
              p.onHand, p.unsellable, p.reserved = onHand, unsellable, reserved
            end
            p.lapsed = p.n[8] > 0 and p.n[8] <= now and lapsedOf(p.tag, p.sku)[p.where] or 0
            p.had, p.free = p.onHand + p.n[1], free(p)
          end
        end
        for _, m in ipairs(t.moves) do
          for _, e in ipairs(m.effects) do
            local n = places[e[1]].n
            for j = 1, 5 do n[j] = n[j] + e[j + 1] end
          end
        end
        local holds = {}
        for i, h in ipairs(t.holds) do
          local p = places[h.place]
          local former = redis.call('HGET', p.tag .. ':hold:' .. p.sku, ARGV[h.id])
          local units = former and tonumber(string.match(former, '^%d+')) or 0
          p.n[6] = p.n[6] + h.units - units
          if former and p.lapsed then
            local due = redis.call('ZSCORE', p.tag .. ':holds:' .. p.sku, ARGV[h.id])
            if due and tonumber(due) > 0 and tonumber(due) <= now then p.lapsed = p.lapsed - units end
          end
        end
        for _, b in ipairs(t.buffers) do places[b[1]].n[7] = b[2] end
        local short = {'short', time}
        for i, p in ipairs(places) do
          if t.checks[i] > 0 then
            local has = p.onHand + p.n[1]
            if (has < 0 and has < p.had) or (t.checks[i] > 1 and free(p) < 0 and free(p) < p.free) then
              local at = #short
              short[at + 1], short[at + 2], short[at + 3], short[at + 4] = p.sku, p.where, string.format('%.0f', p.had), string.format('%.0f', p.free)
            end
          end
        end
        if #short > 2 then return short end

        for _, h in ipairs(t.holds) do
          local p = places[h.place]
          local all, due = p.tag .. ':hold:' .. p.sku, p.tag .. ':holds:' .. p.sku
          if h.units == 0 then
            redis.call('HDEL', all, ARGV[h.id])
            redis.call('ZREM', due, ARGV[h.id])
          else
            redis.call('HSET', all, ARGV[h.id], string.format('%.0f', h.units) .. ':' .. p.where)
            if h.due > 0 then redis.call('ZADD', due, h.due, ARGV[h.id]) else redis.call('ZREM', due, ARGV[h.id]) end
          end
          -- The first hold of the SKU to lapse is no later than the first one here.
          local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
          p.n[8] = p.n[6] > 0 and tonumber(first[2] or '0') or 0
        end
        for _, p in ipairs(places) do save(p.tag, p.sku, p.where, p.n) end
        for _, d in ipairs(t.dated) do
          local p = places[d.place]
          local field = p.where .. '\0' .. ARGV[d.source]
          if d.units == 0 then
            redis.call('HDEL', p.tag .. ':dated:' .. p.sku, field)
          else
            redis.call('HSET', p.tag .. ':dated:' .. p.sku, field, string.format('%.0f:%.0f', d.units, d.due))
          end
        end
        for _, m in ipairs(t.moves) do
          local tag = t.tags[m.tag]
          redis.call('HSET', tag .. ':pending', ARGV[m.id], ARGV[m.undo])
          redis.call('XADD', tag .. ':outbox', '*', 'm', ARGV[m.body])
          redis.call('SADD', root .. ':outboxes', tag)
        end
        for _, d in ipairs(t.docs) do
          local id = ARGV[d.id]
          local name = root .. ':doc:' .. d.kind .. ':' .. id
          if d.body then redis.call('HSET', name, 'r', d.revision + 1, 'b', ARGV[d.body]) else redis.call('DEL', name) end
          if d.due > 0 then redis.call('ZADD', root .. ':due', d.due, d.kind .. ':' .. id) else redis.call('ZREM', root .. ':due', d.kind .. ':' .. id) end
          for _, list in ipairs(d.leaves) do redis.call('ZREM', root .. ':list:' .. d.kind .. ':' .. ARGV[list], id) end
          for _, list in ipairs(d.enters) do redis.call('ZADD', root .. ':list:' .. d.kind .. ':' .. ARGV[list], 0, id) end
        end
        if key then
          redis.call('HSET', key, 'hash', ARGV[t.hash], 'answer', ARGV[t.answer])
          redis.call('PEXPIRE', key, t.keep)
        end
        return {'applied', time}
        """;

    /// <summary>KEYS[1] PREFIX:stock, ARGV[1] a limit. Returns KIND:ID of documents whose time has come.</summary>
    public const string Due = Start + "return redis.call('ZRANGEBYSCORE', KEYS[1] .. ':due', 1, now, 'LIMIT', 0, ARGV[1])";

    /// <summary>KEYS[1] PREFIX:stock, ARGV: KIND, list, the id to start behind or empty, a limit. Returns ids, revisions and bodies.</summary>
    public const string List = """
        local from = ARGV[3] == '' and '+' or '(' .. ARGV[3]
        local ids = redis.call('ZREVRANGEBYLEX', KEYS[1] .. ':list:' .. ARGV[1] .. ':' .. ARGV[2], from, '-', 'LIMIT', 0, ARGV[4])
        local answer = {}
        for _, id in ipairs(ids) do
          local found = redis.call('HMGET', KEYS[1] .. ':doc:' .. ARGV[1] .. ':' .. id, 'r', 'b')
          if found[1] then
            local at = #answer
            answer[at + 1], answer[at + 2], answer[at + 3] = id, found[1], found[2]
          end
        end
        return answer
        """;

    /// <summary>KEYS[1] PREFIX:stock, ARGV: a lane's tag, then ids of entries that Kafka has.</summary>
    public const string Forwarded = """
        local name = ARGV[1] .. ':outbox'
        for i = 2, #ARGV, 1000 do redis.call('XDEL', name, unpack(ARGV, i, math.min(#ARGV, i + 999))) end
        if redis.call('XLEN', name) == 0 then
          redis.call('DEL', name)
          redis.call('SREM', KEYS[1] .. ':outboxes', ARGV[1])
        end
        return 1
        """;

    /// <summary>
    /// A function for <see cref="CommitScript.Commit"/>: the lane applies the movements of commands in ARGV[first] to ARGV[last], so what
    /// they changed leaves the commands' side in the same step.
    /// </summary>
    public const string Acknowledge = Numbers + """
        local function acknowledge(tag, first, last, offset)
          local places, order, pending = {}, {}, tag .. ':pending'
          for i = first, last, 1000 do
            local to = math.min(last, i + 999)
            for _, undo in ipairs(redis.call('HMGET', pending, unpack(ARGV, i, to))) do
              for _, e in ipairs(undo and cjson.decode(undo) or {}) do
                local id = e[1] .. '\0' .. e[2]
                local p = places[id]
                if not p then
                  p = load(tag, e[1], e[2])
                  places[id] = p
                  order[#order + 1] = {e[1], e[2], p}
                end
                for j = 1, 5 do p[j] = p[j] - e[j + 2] end
              end
            end
            redis.call('HDEL', pending, unpack(ARGV, i, to))
          end
          for _, o in ipairs(order) do save(tag, o[1], o[2], o[3]) end
          redis.call('SET', tag .. ':applied', offset)
        end

        """;
}
