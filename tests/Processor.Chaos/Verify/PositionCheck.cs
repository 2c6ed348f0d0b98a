using System.Buffers.Binary;
using System.Text;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Verify;

/// <summary>
/// Compares the positions in Redis, read by their layout: hash <c>{inv:P}:sku:ID</c>, field location, 56 bytes; where
/// <c>{inv:P}:generation</c> holds G, the lane's keys begin with <c>{inv:P}:gG</c> instead.
/// </summary>
internal static class PositionCheck
{
    private const int Size = 56;

    public static Finding Run(RespClient redis, Expectation expected, int partitions)
    {
        var finding = new Finding("positions") { Expected = expected.Positions.Count };
        var found = Read(redis, partitions, finding);
        foreach (var (key, position) in expected.Positions)
        {
            if (!found.Remove(key, out var actual))
            {
                finding.AddLost($"{key.Sku} at {key.Location} (partition {key.Partition}): expected {position}");
            }
            else if (actual != position)
            {
                finding.AddWrong($"{key.Sku} at {key.Location} (partition {key.Partition}): {Difference(position, actual)}{(finding.Examples.Count < 5 ? Explain(expected, key, position, actual) : "")}");
            }
        }

        foreach (var (key, actual) in found)
        {
            var other = expected.Positions.Keys.Any(k => k.Sku == key.Sku && k.Location == key.Location);
            var text = $"{key.Sku} at {key.Location} (partition {key.Partition}): {actual}";
            if (other)
            {
                finding.AddDuplicated(text);
            }
            else
            {
                finding.AddWrong("not expected: " + text);
            }
        }

        return finding;
    }

    /// <summary>Adds one unit to the on-hand of some position.</summary>
    public static void Tamper(RespClient redis, Expectation expected)
    {
        var (partition, sku, location) = expected.Positions.Keys.First();
        var key = $"{Tag(redis, partition)}:sku:{sku}";
        var value = (byte[])redis.Call("HGET", key, location)!;
        BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(1), BinaryPrimitives.ReadInt64LittleEndian(value.AsSpan(1)) + 1);
        redis.Call("HSET", key, location, value);
    }

    /// <summary>Offset up to which a lane's positions are applied, and how many positions wait for the ledger.</summary>
    public static (long Next, long Unsettled) Lane(RespClient redis, int partition)
    {
        var tag = Tag(redis, partition);
        var next = redis.Text("HGET", tag + ":lane", "next");
        return (next is null ? -1 : long.Parse(next, System.Globalization.CultureInfo.InvariantCulture), (long)redis.Call("SCARD", tag + ":unsettled")!);
    }

    private static Dictionary<(int Partition, string Sku, string Location), ExpectedPosition> Read(RespClient redis, int partitions, Finding finding)
    {
        var prefixes = Enumerable.Range(0, partitions).ToDictionary(p => Tag(redis, p) + ":sku:", p => p);
        var found = new Dictionary<(int, string, string), ExpectedPosition>();
        var cursor = "0";
        var keys = new HashSet<string>();
        do
        {
            var answer = (object?[])redis.Call("SCAN", cursor, "MATCH", "*:sku:*", "COUNT", "1000")!;
            cursor = Encoding.UTF8.GetString((byte[])answer[0]!);
            keys.UnionWith(((object?[])answer[1]!).Select(key => Encoding.UTF8.GetString((byte[])key!)));
        }
        while (cursor != "0");
        foreach (var key in keys)
        {
            var split = key.IndexOf(":sku:", StringComparison.Ordinal) + 5;
            if (!prefixes.TryGetValue(key[..split], out var partition))
            {
                continue;
            }

            var fields = (object?[])redis.Call("HGETALL", key)!;
            for (var i = 0; i < fields.Length; i += 2)
            {
                var place = (partition, key[split..], Encoding.UTF8.GetString((byte[])fields[i]!));
                var value = (byte[])fields[i + 1]!;
                if (value.Length == Size && value[0] == 1)
                {
                    found[place] = Decode(value);
                }
                else
                {
                    finding.AddWrong($"{key} {place.Item3}: {value.Length} bytes of layout {value[0]}");
                }
            }
        }

        return found;
    }

    private static string Tag(RespClient redis, int partition)
    {
        var generation = redis.Text("GET", $"{{inv:{partition}}}:generation");
        return string.IsNullOrEmpty(generation) ? $"{{inv:{partition}}}" : $"{{inv:{partition}}}:g{generation}";
    }

    private static ExpectedPosition Decode(byte[] value) => new(
        BinaryPrimitives.ReadInt64LittleEndian(value.AsSpan(1)),
        Six(value, 9), Six(value, 15), Six(value, 21), Six(value, 27), Six(value, 33), Six(value, 39), Six(value, 45));

    // Six bytes, little-endian, two's complement.
    private static long Six(byte[] value, int at)
    {
        long number = 0;
        for (var i = 5; i >= 0; i--)
        {
            number = (number << 8) | value[at + i];
        }

        return number << 16 >> 16;
    }

    private static string Difference(ExpectedPosition expected, ExpectedPosition actual)
    {
        var names = new[] { "on-hand", "unsellable", "reserved", "in transit in", "in transit out", "last event", "last count", "last count's units" };
        var pairs = Fields(expected).Zip(Fields(actual)).Select((pair, i) => (names[i], pair.First, pair.Second)).Where(p => p.First != p.Second);
        return string.Join(", ", pairs.Select(p => $"{p.Item1} {p.Second}, expected {p.First}"));
    }

    private static long[] Fields(ExpectedPosition p) =>
        [p.OnHand, p.Unsellable, p.Reserved, p.InTransitIn, p.InTransitOut, p.LastEventTs, p.LastCountTs, p.LastCountQty];

    // A hint for the search: the events that alone would explain the difference.
    private static string Explain(Expectation expected, (int, string, string) key, ExpectedPosition position, ExpectedPosition actual)
    {
        var off = actual.OnHand - position.OnHand;
        if (off == 0 || !expected.Movements.TryGetValue(key, out var facts))
        {
            return "";
        }

        var places = expected.Records.Where(r => r.Value.Fate == Fate.accepted && facts.Contains(r.Value.Fact)
            && (r.Value.Fact.Quantity == off || r.Value.Fact.Quantity == -off) && r.Value.Fact.EventTs > position.LastCountTs).ToList();
        var twice = places.Count(p => p.Value.Fact.Quantity == off);
        return $" (as if one of {twice} events were counted twice, or one of {places.Count - twice} not at all)";
    }
}
