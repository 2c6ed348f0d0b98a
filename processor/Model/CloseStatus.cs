namespace Stockflow.Model;

/// <summary>What closing hours came to in this process. One writer; readers may see a value a moment old.</summary>
public sealed class CloseStatus
{
    /// <summary>Hours that end until then are closed, whichever process closed them; milliseconds since 1970-01-01 UTC, 0 while unknown.</summary>
    public long ThroughTs;

    /// <summary>Hours closed, SKU and location pairs computed again, and postings to locked periods, since the process started.</summary>
    public long Hours, Keys, Postings;

    /// <summary>Passes that ClickHouse, Kafka or the position store broke off.</summary>
    public long Failures;
}
