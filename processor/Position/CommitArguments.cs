using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>A <see cref="LaneCommit"/> as the arguments of <see cref="CommitScript.Commit"/>.</summary>
internal static class CommitArguments
{
    /// <summary>Lua's unpack is bounded by its stack of 8,000; a larger hash goes in parts.</summary>
    private const int FieldsPerCall = 500;

    public static RedisValue[] Of(LaneCommit commit)
    {
        var arguments = new List<RedisValue>(64 + (commit.Positions.Count * 3))
        {
            commit.Epoch,
            commit.ExpectedOffset < 0 ? "" : commit.ExpectedOffset,
            commit.NextOffset,
            commit.Revision,
            commit.Bucket,
            SeenCodec.Pack(commit.Seen),
            (commit.Watermarks.Count * 2) + (commit.Marks == default ? 0 : 4),
        };
        foreach (var (source, ts) in commit.Watermarks)
        {
            arguments.Add("wm:" + source);
            arguments.Add(ts);
        }

        if (commit.Marks != default)
        {
            arguments.AddRange(["watermark", commit.Marks.WatermarkTs, "close", commit.Marks.CloseTs]);
        }

        arguments.Add(commit.ExpiredBuckets.Count);
        arguments.AddRange(commit.ExpiredBuckets.Select(bucket => (RedisValue)bucket));
        AddChanges(arguments, commit.Settlements.Select(c => (commit.Ids.Text(c.Sku) + "\0" + (c.Location < 0 ? "" : commit.Ids.Text(c.Location)), c.Opens)));
        AddChanges(arguments, commit.Holds.Select(c => (commit.Ids.Text(c.Sku), c.Opens)));
        AddPositions(arguments, commit);
        return [.. arguments];
    }

    // Members that leave a set and members that enter it.
    private static void AddChanges(List<RedisValue> arguments, IEnumerable<(string Member, bool Opens)> changes)
    {
        var last = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var (member, opens) in changes)
        {
            last[member] = opens;
        }

        foreach (var opens in (ReadOnlySpan<bool>)[false, true])
        {
            var members = last.Where(change => change.Value == opens).Select(change => (RedisValue)change.Key).ToArray();
            arguments.Add(members.Length);
            arguments.AddRange(members);
        }
    }

    private static void AddPositions(List<RedisValue> arguments, LaneCommit commit)
    {
        commit.Positions.Sort(static (a, b) => a.Sku.CompareTo(b.Sku));
        var groups = arguments.Count;
        var count = 0;
        arguments.Add(0);
        for (var i = 0; i < commit.Positions.Count;)
        {
            var sku = commit.Positions[i].Sku;
            arguments.Add(commit.Ids.Utf8(sku).ToArray());
            var fields = arguments.Count;
            arguments.Add(0);
            for (; i < commit.Positions.Count && commit.Positions[i].Sku == sku && arguments.Count - fields < FieldsPerCall; i++)
            {
                var value = new byte[PositionCodec.Size];
                PositionCodec.Write(commit.Positions[i].State, value);
                arguments.Add(commit.Ids.Utf8(commit.Positions[i].Location).ToArray());
                arguments.Add(value);
            }

            arguments[fields] = arguments.Count - fields - 1;
            count++;
        }

        arguments[groups] = count;
    }
}
