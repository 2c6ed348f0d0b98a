using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>One insert's data: table, columns, format and bytes in pieces.</summary>
internal readonly record struct EncodedInsert(string Table, IReadOnlyList<string> Columns, string Format, IReadOnlyList<ReadOnlyMemory<byte>> Data)
{
    public long Bytes => Data.Sum(piece => (long)piece.Length);
}

/// <summary>Encodes batches as two inserts, for the raw events and for the ledger. The buffers are used again by the next one.</summary>
internal abstract class LedgerFormat : IDisposable
{
    /// <summary>ClickHouse's name of it.</summary>
    public abstract string Name { get; }

    public static LedgerFormat Create(string name) => name switch
    {
        "Native" => new Native(),
        "RowBinary" => new Rows<RowBinaryWriter>(name),
        _ => new Rows<JsonRowWriter>(name),
    };

    public static string[] Names => ["Native", "RowBinary", "JSONEachRow"];

    public abstract EncodedInsert[] Encode(ReadOnlySpan<RecordBatch> batches);

    public abstract void Dispose();

    private sealed class Native : LedgerFormat
    {
        private readonly RawBlock raw = new();
        private readonly LedgerBlock ledger = new();

        public override string Name => "Native";

        public override EncodedInsert[] Encode(ReadOnlySpan<RecordBatch> batches)
        {
            raw.Block.Clear();
            ledger.Block.Clear();
            foreach (var batch in batches)
            {
                foreach (var rows in Enumerable.Range(0, batch.Count).Chunk(RecordColumns.Stretch))
                {
                    raw.Append(batch, rows);
                    ledger.Append(batch, rows);
                }
            }

            return [new("raw_events", raw.Block.ColumnNames, Name, raw.Block.Build()), new("ledger", ledger.Block.ColumnNames, Name, ledger.Block.Build())];
        }

        public override void Dispose()
        {
            // Its buffers are the collector's.
        }
    }

    /// <summary>Row by row, where a writer has one buffer for each table.</summary>
    private sealed class Rows<T>(string name) : LedgerFormat
        where T : IRowWriter, new()
    {
        private readonly T raw = new(), ledger = new();

        public override string Name => name;

        public override EncodedInsert[] Encode(ReadOnlySpan<RecordBatch> batches)
        {
            raw.Clear();
            ledger.Clear();
            foreach (var batch in batches)
            {
                for (var i = 0; i < batch.Count; i++)
                {
                    raw.Raw(batch, i);
                    ledger.Ledger(batch, i);
                }
            }

            return [new("raw_events", RowNames.Raw, Name, [raw.Written]), new("ledger", RowNames.Ledger, Name, [ledger.Written])];
        }

        public override void Dispose()
        {
            raw.Dispose();
            ledger.Dispose();
        }
    }
}

/// <summary>Writes rows of either table into a buffer, the columns in the order of <see cref="RowNames"/>.</summary>
internal interface IRowWriter : IDisposable
{
    /// <summary>The rows since the last <see cref="Clear"/>; valid until the next call.</summary>
    ReadOnlyMemory<byte> Written { get; }

    void Clear();

    void Raw(RecordBatch batch, int i);

    void Ledger(RecordBatch batch, int i);
}
