using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Stockflow.Embedded;

/// <summary>What a statement cost, as the engine counts it.</summary>
public readonly record struct ChdbStatistics(ulong ReadRows, ulong ReadBytes, ulong WrittenRows, ulong WrittenBytes, ulong ResultRows, double ElapsedSeconds)
{
    public ChdbStatistics Add(ChdbStatistics other) => new(
        ReadRows + other.ReadRows, ReadBytes + other.ReadBytes, WrittenRows + other.WrittenRows,
        WrittenBytes + other.WrittenBytes, ResultRows + other.ResultRows, ElapsedSeconds + other.ElapsedSeconds);
}

/// <summary>
/// One session in the embedded engine. Not safe for use from two threads at once; several connections run side by side.
/// After an error its output buffer may hold remains of the failed statement: close it and open another.
/// </summary>
public sealed unsafe class ChdbConnection : IDisposable
{
    private nint* _handle;

    internal ChdbConnection(nint* handle) => _handle = handle;

    private nint Handle => _handle != null ? *_handle : throw new ObjectDisposedException(nameof(ChdbConnection));

    /// <summary>Runs a statement and holds its whole result in memory. INSERT with data goes by <see cref="Insert"/>.</summary>
    /// <param name="query">SQL in UTF-8.</param>
    /// <param name="format">Output format where the statement names none.</param>
    /// <param name="parameters">Values of {name:Type}, written as ClickHouse's escaped text (tab-separated field).</param>
    public ChdbResult Query(ReadOnlySpan<byte> query, string format, IReadOnlyList<KeyValuePair<string, string>> parameters) =>
        new(Call(query, format, parameters, &ChdbNative.Query));

    /// <summary>Runs a SELECT whose result comes block by block. Each block is formatted as a result of its own, headers included.</summary>
    public ChdbQueryStream Stream(ReadOnlySpan<byte> query, string format, IReadOnlyList<KeyValuePair<string, string>> parameters)
    {
        var stream = Call(query, format, parameters, &ChdbNative.StreamQuery);
        return new ChdbQueryStream(Handle, stream);
    }

    /// <summary>Begins an INSERT; <paramref name="statement"/> has no FORMAT clause and no data.</summary>
    public ChdbInsert Insert(ReadOnlySpan<byte> statement, string format, IReadOnlyList<KeyValuePair<string, string>> parameters) =>
        new(Call(statement, format, parameters, &ChdbNative.StreamInsert));

    /// <summary>Number of statements in the text; 0 when it is empty or does not parse.</summary>
    public int CountStatements(ReadOnlySpan<byte> query)
    {
        var analysis = new ChdbNative.Analysis { StructSize = (uint)sizeof(ChdbNative.Analysis) };
        fixed (byte* text = query)
        {
            return ChdbNative.Classify(Handle, text, (nuint)query.Length, null, 0, &analysis) == 0 ? (int)analysis.StatementCount : 0;
        }
    }

    public void Dispose()
    {
        if (_handle != null)
        {
            ChdbNative.CloseConnection(_handle);
            _handle = null;
        }
    }

    internal static string? Text(byte* zeroTerminated) => Marshal.PtrToStringUTF8((nint)zeroTerminated);

    private nint Call(ReadOnlySpan<byte> query, string format, IReadOnlyList<KeyValuePair<string, string>> parameters,
        delegate*<nint, byte*, nuint, byte*, nuint, byte**, nuint*, byte**, nuint*, nuint, nint> function)
    {
        var count = parameters.Count;
        var pinned = new MemoryHandle[count * 2];
        var pointers = stackalloc byte*[(count * 2) + 1];
        var lengths = stackalloc nuint[(count * 2) + 1];
        try
        {
            for (var i = 0; i < count; i++)
            {
                Pin(parameters[i].Key, i);
                Pin(parameters[i].Value, count + i);
            }

            fixed (byte* text = query)
            fixed (byte* formatText = Encoding.UTF8.GetBytes(format + '\0'))
            {
                return function(Handle, text, (nuint)query.Length, formatText, (nuint)Encoding.UTF8.GetByteCount(format),
                    pointers, lengths, pointers + count, lengths + count, (nuint)count);
            }
        }
        finally
        {
            foreach (ref var handle in pinned.AsSpan())
            {
                handle.Dispose();
            }
        }

        void Pin(string value, int slot)
        {
            // One byte more: a pointer to an empty array would be null.
            var bytes = Encoding.UTF8.GetBytes(value + '\0');
            pinned[slot] = bytes.AsMemory().Pin();
            pointers[slot] = (byte*)pinned[slot].Pointer;
            lengths[slot] = (nuint)(bytes.Length - 1);
        }
    }
}
