namespace Stockflow.Source.Import;

/// <summary>Bounds on what one record of a file may cost; beyond them the record is rejected and the next one is read.</summary>
public static class ImportLimits
{
    /// <summary>Bytes of a line or a record.</summary>
    public const int RecordBytes = 256 * 1024;

    /// <summary>Lines that one CSV record may span with quoted line breaks.</summary>
    public const int RecordLines = 200;

    /// <summary>Columns of a file.</summary>
    public const int Columns = 1024;

    /// <summary>Distinct names of members over all lines of a JSON lines file.</summary>
    public const int ColumnNames = 16 * 1024;

    /// <summary>Depth of nested JSON objects.</summary>
    public const int JsonDepth = 16;

    /// <summary>Characters of a rejected value that a report shows.</summary>
    public const int ShownValue = 80;

    /// <summary>Distinct rows that are remembered to number exact duplicates; about 24 bytes each.</summary>
    public const int DistinctRows = 64 * 1024 * 1024;

    /// <summary>Distinct SKUs or locations of one file.</summary>
    public const int References = 4 * 1024 * 1024;

    /// <summary>Cancellations that are tied to their sales.</summary>
    public const int TiedCancellations = 1024 * 1024;

    /// <summary>Open sales of one customer, SKU and price that a cancellation may be tied to; the oldest is forgotten first.</summary>
    public const int OpenSales = 64;
}
