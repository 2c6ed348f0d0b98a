using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>One mapped record. Reused from record to record; null where a field is absent.</summary>
public sealed class ImportMovement
{
    public string Class = "";
    public string EventId = "", SkuId = "", LocationId = "", SourceSystem = "", ReferenceId = "";
    public MovementType Type;

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public long EventTs, IngestTs;

    public long QtyDelta;
    public long? CountedQty;
    public decimal? UnitPrice, UnitCost;
    public string? Currency, PromoId, Reason, PerformedBy, CounterpartLocationId, CorrectsEventId, CustomerRef;

    /// <summary>What kind of SKU the record names, null where the mapping knows none.</summary>
    public SkuKind? Kind;

    public List<KeyValuePair<string, string>> Attributes { get; } = [];

    /// <summary>Sets an attribute; a later value takes the place of an earlier one, an empty one is left out.</summary>
    public void SetAttribute(string name, string value)
    {
        var at = Attributes.FindIndex(entry => entry.Key == name);
        if (at >= 0)
        {
            Attributes.RemoveAt(at);
        }

        if (value.Length > 0)
        {
            Attributes.Add(new KeyValuePair<string, string>(name, value));
        }
    }
}
