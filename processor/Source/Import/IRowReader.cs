namespace Stockflow.Source.Import;

/// <summary>Reads the records of one file in order. Broken records come as rows with a <see cref="RawRow.Problem"/>; the next one follows.</summary>
public interface IRowReader : IDisposable
{
    /// <summary>The first line of the file as it stands there where it names the columns, else empty.</summary>
    ReadOnlyMemory<byte> Header { get; }

    /// <summary>The record that <see cref="ReadAsync"/> read.</summary>
    RawRow Row { get; }

    /// <summary>Moves to the next record; false at the end.</summary>
    ValueTask<bool> ReadAsync(CancellationToken token);

    /// <summary>The record at hand as it stands in the file; as JSON where the file is binary.</summary>
    ReadOnlyMemory<byte> Verbatim();
}
