using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>How far a delivery may differ from its order, in percent of the units ordered.</summary>
public sealed record ReceivingOptions(int OverReceiptPercent = 10, int UnderReceiptPercent = 5)
{
    /// <summary>Whether so many units may be received in all.</summary>
    internal bool Allows(long ordered, long received) => (decimal)received * 100 <= (decimal)ordered * (100 + OverReceiptPercent);

    /// <summary>Whether a line with so many units received may be closed as it is.</summary>
    internal bool MayClose(long ordered, long received) => (decimal)received * 100 >= (decimal)ordered * (100 - UnderReceiptPercent);

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(OverReceiptPercent is < 0 or > 100, "receiving.overReceiptPercent must be from 0 to 100");
        SetupException.ThrowIf(UnderReceiptPercent is < 0 or > 100, "receiving.underReceiptPercent must be from 0 to 100");
    }
}
