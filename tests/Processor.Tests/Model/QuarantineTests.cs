using System.Text;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Model;

public sealed class QuarantineTests
{
    private const string Value = "bytes of the record";

    [Theory]
    [InlineData("quantity_above: 10", 11, true)]
    [InlineData("quantity_above: 10", -11, true)]
    [InlineData("quantity_above: 10", 10, false)]
    [InlineData("price_above: 19.99", 1, true)]
    [InlineData("price_above: 20", 1, false)]
    [InlineData("value_above: 39.99", -2, true)]
    [InlineData("value_above: 40", -2, false)]
    [InlineData("movement_types: [RETURN, SALE]", 1, true)]
    [InlineData("movement_types: [RETURN]", 1, false)]
    [InlineData("sources: [WMS, POS]", 1, true)]
    [InlineData("sources: [PO, POSS]", 1, false)]
    [InlineData("locations: [L1]", 1, true)]
    [InlineData("locations: [L2]", 1, false)]
    [InlineData("quantity_above: 10, sources: [POS], movement_types: [SALE], locations: [L1], price_above: 19, value_above: 200", 11, true)]
    [InlineData("quantity_above: 10, sources: [POS], movement_types: [SALE], locations: [L2], price_above: 19, value_above: 200", 11, false)]
    public void All_parts_of_a_condition_must_hold(string when, long units, bool isHeld)
    {
        var batch = Batch(units, null);
        Of("r", when).Apply(batch, "validate");
        Assert.Equal(isHeld ? (Verdict.DeadLetter, RejectReason.Quarantined, 1) : (Verdict.Pending, RejectReason.None, 0), (batch.Verdicts[0], batch.Reasons[0], batch.Rejections.Count));
        Assert.Equal(isHeld ? "r" : null, isHeld ? Quarantine.RuleOf(batch.Rejections[0].Message) : null);
    }

    [Fact]
    public void A_count_is_held_by_what_was_counted_and_a_movement_without_a_price_by_no_price()
    {
        var batch = Batch(0, null);
        batch.Movements[0] = batch.Movements[0] with { CountedQty = 900, UnitPrice = Movement.Absent };
        Of("r", "price_above: 0").Apply(batch, "validate");
        Of("r", "value_above: 0").Apply(batch, "validate");
        Assert.Empty(batch.Rejections);
        Of("r", "quantity_above: 899").Apply(batch, "validate");
        Assert.StartsWith("Rule 'r' holds this SALE: counted_qty of 900 units is above 899.", batch.Rejections.Single().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_rejected_before_keeps_its_reason()
    {
        var batch = Batch(11, null);
        batch.Reject(0, "validate", RejectReason.Currency, "why");
        Of("r", "quantity_above: 10").Apply(batch, "validate");
        Assert.Equal((RejectReason.Currency, 1), (batch.Reasons[0], batch.Rejections.Count));
    }

    [Fact]
    public void A_release_is_good_for_its_rule_and_its_bytes_alone()
    {
        Assert.True(IsReleased(("stockflow.release", Token("r", Value))));
        Assert.True(IsReleased(("stockflow.release", Token("other", Value)), ("stockflow.release", Token("r", Value))));
        Assert.False(IsReleased());
        Assert.False(IsReleased(("stockflow.release", Token("other", Value))));
        Assert.False(IsReleased(("stockflow.release", Token("r", Value + "x"))));
        Assert.False(IsReleased(("stockflow.release", "r")));
        Assert.False(IsReleased(("stockflow.release", "")));
        Assert.False(IsReleased(("stockflow.release", null)));
        Assert.False(IsReleased(("stockflow.released-by", Token("r", Value))));
        Assert.False(IsReleased(("dlq.rule", Token("r", Value))));

        static string Token(string rule, string value) => Quarantine.Token(rule, Encoding.UTF8.GetBytes(value));

        static bool IsReleased(params (string Name, string? Value)[] headers)
        {
            var batch = Batch(11, [.. headers.Select(header => KeyValuePair.Create(header.Name, header.Value is null ? null : Encoding.UTF8.GetBytes(header.Value)))]);
            Of("r", "quantity_above: 10").Apply(batch, "validate");
            return batch.Rejections.Count == 0;
        }
    }

    [Fact]
    public void Rules_cost_a_sound_batch_no_allocation()
    {
        var quarantine = Of("r", "quantity_above: 1000000, sources: [POS]");
        var batch = Batch(11, null);
        quarantine.Apply(batch, "validate");
        Assert.Equal(0, Allocations.Least(() => quarantine.Apply(batch, "validate")));
    }

    private static Quarantine Of(string name, string when) =>
        Quarantine.Of(QualityRules.Parse("f", $"rules: [{{ name: {name}, kind: quarantine, severity: info, description: d, when: {{ {when} }} }}]"))!;

    // A sale of POS at L1 at 20.00.
    private static RecordBatch Batch(long units, KeyValuePair<string, byte[]?>[]? headers)
    {
        var batch = new RecordBatch(1, 256);
        batch.Add(0, 0, "POSL1"u8, true, Encoding.UTF8.GetBytes(Value), true, headers);
        batch.Movements[0] = new Movement
        {
            Type = MovementType.Sale,
            QtyDelta = units,
            CountedQty = Movement.Absent,
            UnitPrice = 200_000,
            UnitCost = Movement.Absent,
            SourceSystem = new Slice(batch.Records[0].Key.Start, 3),
            LocationId = new Slice(batch.Records[0].Key.Start + 3, 2),
        };
        return batch;
    }
}
