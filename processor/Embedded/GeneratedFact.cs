using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>Who reports a generated event.</summary>
public enum GeneratedSource : byte
{
    Pos,
    Ecom,
    Wms,
    Edi,
}

/// <summary>
/// One generated event as a plain fact, before it is encoded. Skus, locations and promotions are indices into the
/// <see cref="GeneratorCatalog"/>. The encoding is a function of the fact alone: sending a fact again sends the same bytes.
/// </summary>
public struct GeneratedFact
{
    /// <summary>Identity: facts with the same number are the same event, sent again.</summary>
    public long Number;

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public long EventTs, IngestTs;

    /// <summary>Units, signed as on the wire.</summary>
    public long Qty;

    /// <summary>Units counted; -1 where the event is no count.</summary>
    public long CountedQty;

    /// <summary>Number of the fact that a correction corrects; -1 for none.</summary>
    public long Corrects;

    public int Sku, Location;

    /// <summary>The other end of a transfer; -1 for none.</summary>
    public int Counterpart;

    /// <summary>Promotion of a sale; -1 for none.</summary>
    public int Promotion;

    public MovementType Type;

    public GeneratedSource Source;

    /// <summary>What is wrong with the record on purpose.</summary>
    public FactFlaw Flaw;
}
