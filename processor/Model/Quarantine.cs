using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Stockflow.Model;

/// <summary>
/// The rules that hold movements back, compiled to a few comparisons. A held movement is a dead letter: nothing of it is lost and nothing of it counts
/// until somebody releases it.
/// </summary>
public sealed partial class Quarantine
{
    /// <summary>Header of a released record; stands once for each rule that it was released from.</summary>
    public const string ReleaseHeader = "stockflow.release";

    /// <summary>Header that names who released it.</summary>
    public const string ReleasedByHeader = "stockflow.released-by";

    private readonly Hold[] holds;

    private Quarantine(Hold[] holds) => this.holds = holds;

    /// <summary>Null where no rule holds anything: then nothing is looked at.</summary>
    public static Quarantine? Of(IEnumerable<QualityRule> rules)
    {
        var holds = rules.Where(rule => rule.When is not null).Select(rule => new Hold(rule.Name, rule.When!)).ToArray();
        return holds.Length == 0 ? null : new Quarantine(holds);
    }

    /// <summary>Rejects each pending movement that a rule holds and that was not released from it.</summary>
    public void Apply(RecordBatch batch, string stage)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch.Verdicts[i] != Verdict.Pending)
            {
                continue;
            }

            foreach (var hold in holds)
            {
                if (hold.Holds(batch.Movements[i], batch) && !IsReleased(batch, i, hold.Rule))
                {
                    batch.Reject(i, stage, RejectReason.Quarantined, hold.Describe(batch.Movements[i]));
                    break;
                }
            }
        }
    }

    /// <summary>
    /// What the release header says. It names the rule and the very bytes of the record, so a header that a producer copies to another record, or keeps
    /// from one, releases nothing. It is no secret: who may write to the topic may write anything.
    /// </summary>
    public static string Token(string rule, ReadOnlySpan<byte> value)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"stockflow release\0{rule}\0"));
        hash.AppendData(value);
        return $"{rule}:{Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }

    /// <summary>The rule that a dead letter's message names; null where it names none.</summary>
    public static string? RuleOf(string message) => RuleName().Match(message) is { Success: true } match ? match.Groups[1].Value : null;

    private static bool IsReleased(RecordBatch batch, int index, string rule)
    {
        ref var record = ref batch.Records[index];
        if (record.Headers < 0)
        {
            return false;
        }

        var token = Encoding.UTF8.GetBytes(Token(rule, batch.Bytes(record.Value)));
        return Array.Exists(batch.Headers[record.Headers], header => header.Key == ReleaseHeader && header.Value.AsSpan().SequenceEqual(token));
    }

    [GeneratedRegex("^Rule '([a-z0-9_]+)'")]
    private static partial Regex RuleName();

    private sealed class Hold(string rule, HoldCondition when)
    {
        private const decimal Money = 10_000m;

        private readonly byte[][] sources = [.. when.Sources.Select(Encoding.UTF8.GetBytes)], locations = [.. when.Locations.Select(Encoding.UTF8.GetBytes)];
        private readonly uint types = when.Types.Aggregate(0u, (mask, type) => mask | (1u << (int)type));
        private readonly long quantity = when.QuantityAbove ?? -1, price = when.PriceAbove ?? -1, value = when.ValueAbove ?? -1;

        public string Rule => rule;

        public bool Holds(in Movement movement, RecordBatch batch) =>
            (quantity < 0 || Units(movement) > quantity)
            && (price < 0 || movement.UnitPrice > price)
            && (types == 0 || (types & (1u << (int)movement.Type)) != 0)
            && (value < 0 || (movement.UnitPrice >= 0 && (Int128)Units(movement) * movement.UnitPrice > value))
            && (sources.Length == 0 || IsAmong(sources, batch.Bytes(movement.SourceSystem)))
            && (locations.Length == 0 || IsAmong(locations, batch.Bytes(movement.LocationId)));

        public string Describe(in Movement movement)
        {
            var why = new List<string>(3);
            if (quantity >= 0)
            {
                why.Add(Text($"{(movement.CountedQty > Math.Abs(movement.QtyDelta) ? "counted_qty" : "qty_delta")} of {Units(movement)} units is above {quantity}"));
            }

            if (price >= 0)
            {
                why.Add(Text($"unit_price {movement.UnitPrice / Money} is above {price / Money}"));
            }

            if (value >= 0)
            {
                why.Add(Text($"the value {Units(movement) * (movement.UnitPrice / Money)} is above {value / Money}"));
            }

            return $"Rule '{rule}' holds this {movement.Type.Name()}: {(why.Count > 0 ? string.Join(", ", why) : "its source, type or location is one that the rule names")}. "
                + $"It counts nowhere until somebody has looked at it: 'processor quality release --rule {rule}'.";
        }

        private static long Units(in Movement movement) => Math.Max(Math.Abs(movement.QtyDelta), movement.CountedQty);

        private static bool IsAmong(byte[][] ids, ReadOnlySpan<byte> id)
        {
            foreach (var one in ids)
            {
                if (id.SequenceEqual(one))
                {
                    return true;
                }
            }

            return false;
        }

        private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }
}
