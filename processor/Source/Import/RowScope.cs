using System.Globalization;

namespace Stockflow.Source.Import;

/// <summary>What a template may name: the record at hand and facts about it. Reused from record to record.</summary>
public sealed class RowScope(string dataset, string file)
{
    private UInt128? hash;
    private RawRow row = null!;

    public string Dataset { get; } = dataset;

    public string File { get; } = file;

    /// <summary>How many records with the same content came so far, this one included; 1 before they are counted.</summary>
    public int Occurrence { get; set; } = 1;

    public RawRow Row
    {
        get => row;
        set
        {
            row = value;
            hash = null;
            Occurrence = 1;
        }
    }

    public UInt128 Hash => hash ??= row.ContentHash();

    /// <summary>The value of a name that starts with <c>@</c>.</summary>
    public string Fact(RowFact fact) => fact switch
    {
        RowFact.Line => row.Line.ToString(CultureInfo.InvariantCulture),
        RowFact.RowHash => Hash.ToString("x32", CultureInfo.InvariantCulture),
        RowFact.Occurrence => Occurrence.ToString(CultureInfo.InvariantCulture),
        RowFact.Dataset => Dataset,
        _ => File,
    };
}

/// <summary>Facts about a record that a template names with <c>@</c>.</summary>
public enum RowFact
{
    Line,
    RowHash,
    Occurrence,
    Dataset,
    File,
}
