using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Stockflow.Source.Import;

/// <summary>What makes a record unreadable as a whole.</summary>
/// <param name="Reason">Stable code.</param>
/// <param name="Message">One line for people.</param>
/// <param name="Position">Byte in the record from 1, or 0.</param>
public sealed record RowProblem(string Reason, string Message, int Position = 0);

/// <summary>One record of a file as text by column. Reused by its reader: valid until the next record is read.</summary>
public sealed class RawRow(ColumnSet columns)
{
    private readonly List<int> order = [];
    private string?[] values = new string?[64];
    private byte[] hashInput = new byte[1024];

    public ColumnSet Columns { get; } = columns;

    /// <summary>Number in the file from 1, without the header.</summary>
    public long Number { get; set; }

    /// <summary>Line where it starts, from 1; in a container file the same as <see cref="Number"/>.</summary>
    public long Line { get; set; }

    /// <summary>The record's bytes as they stand in the file, without the last line end; cut where they exceed the limit.</summary>
    public ReadOnlyMemory<byte> Raw { get; set; }

    /// <summary>Set where the record is unreadable; then it has no values.</summary>
    public RowProblem? Problem { get; set; }

    /// <summary>The value of a column; null where the record has none.</summary>
    public string? this[int column] => column < values.Length ? values[column] : null;

    /// <summary>Columns of this record in file order.</summary>
    public IReadOnlyList<int> Order => order;

    public void Clear()
    {
        foreach (var column in order)
        {
            values[column] = null;
        }

        order.Clear();
        Problem = null;
        Raw = default;
    }

    public void Add(int column, string? value)
    {
        if (column >= values.Length)
        {
            Array.Resize(ref values, Math.Max(column + 1, values.Length * 2));
        }

        values[column] = value;
        order.Add(column);
    }

    /// <summary>Place of a column in the record, from 1; 0 where the record lacks it.</summary>
    public int Position(int column) => order.IndexOf(column) + 1;

    /// <summary>
    /// The first 128 bits of SHA-256 over names and values in file order, each with its length, so that quoting, line ends and
    /// compression do not matter.
    /// </summary>
    public UInt128 ContentHash()
    {
        var length = 0;
        foreach (var column in order)
        {
            Append(Columns.Name(column), ref length);
            Append(values[column], ref length);
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(hashInput.AsSpan(0, length), digest);
        return BinaryPrimitives.ReadUInt128BigEndian(digest);
    }

    private void Append(string? text, ref int length)
    {
        var most = Encoding.UTF8.GetMaxByteCount(text?.Length ?? 0) + 4;
        if (hashInput.Length - length < most)
        {
            Array.Resize(ref hashInput, Math.Max(length + most, hashInput.Length * 2));
        }

        var size = text is null ? -1 : Encoding.UTF8.GetBytes(text, hashInput.AsSpan(length + 4));
        BinaryPrimitives.WriteInt32BigEndian(hashInput.AsSpan(length), size);
        length += 4 + Math.Max(0, size);
    }
}
