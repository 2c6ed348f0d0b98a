using System.Buffers;
using System.Buffers.Binary;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>Rows of the ledger and of the raw events in ClickHouse's RowBinary format, the columns in the order of the blocks'.</summary>
internal sealed class RowBinaryWriter : IRowWriter
{
    private readonly ArrayBufferWriter<byte> buffer = new(1 << 20);

    public ReadOnlyMemory<byte> Written => buffer.WrittenMemory;

    public void Clear() => buffer.ResetWrittenCount();

    public void Dispose()
    {
        // Its buffer is the collector's.
    }

    public void Ledger(RecordBatch batch, int i)
    {
        ref var record = ref batch.Records[i];
        ref var movement = ref batch.Movements[i];
        Text(RowNames.Topic(batch));
        Int32(batch.Lane.Partition);
        Int64(record.Offset);
        Text(batch.Bytes(movement.EventId));
        Int64(movement.EventTs);
        Int64(movement.IngestTs);
        Int64(Math.Max(0, record.BrokerTs));
        Int64(batch.RecordedTs);
        Text(batch.Bytes(movement.SkuId));
        Text(batch.Bytes(movement.LocationId));
        Text(RowNames.Types[(int)movement.Type]);
        Int64(movement.QtyDelta);
        Nullable(movement.CountedQty);
        Byte(movement.Stocked ? (byte)1 : (byte)0);
        Text(batch.Bytes(movement.SourceSystem));
        Text(batch.Bytes(movement.ReferenceId));
        Nullable(movement.UnitPrice);
        Nullable(movement.UnitCost);
        Text(batch.Bytes(movement.Currency));
        Text(batch.Bytes(movement.PromoId));
        Text(batch.Bytes(movement.Reason));
        Text(batch.Bytes(movement.PerformedBy));
        Text(batch.Bytes(movement.CounterpartId));
        Text(batch.Bytes(movement.CorrectsEventId));
        Text(batch.Bytes(movement.CustomerRef));
        Attributes(batch, movement);
    }

    public void Raw(RecordBatch batch, int i)
    {
        ref var record = ref batch.Records[i];
        Text(RowNames.Topic(batch));
        Int32(batch.Lane.Partition);
        Int64(record.Offset);
        Int64(Math.Max(0, record.BrokerTs));
        Int64(batch.RecordedTs);
        Text(batch.Bytes(record.Key));
        Text(batch.Bytes(record.Value));
        Length(0);
        Byte((byte)batch.Verdicts[i]);
        Text(default);
        Int64(unchecked((long)(ulong)batch.Movements[i].Fingerprint));
        Text(default);
    }

    private void Attributes(RecordBatch batch, in Movement movement)
    {
        var map = movement.Attributes.Length > 0 ? batch.Bytes(movement.Attributes) : [0];
        var count = 0;
        for (var entries = new AvroMapCursor(map); entries.MoveNext();)
        {
            count++;
        }

        Length(count);
        for (var entries = new AvroMapCursor(map); entries.MoveNext();)
        {
            Text(entries.Key);
            Text(entries.Value);
        }
    }

    private void Byte(byte value)
    {
        buffer.GetSpan(1)[0] = value;
        buffer.Advance(1);
    }

    private void Int32(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(buffer.GetSpan(sizeof(int)), value);
        buffer.Advance(sizeof(int));
    }

    private void Int64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(buffer.GetSpan(sizeof(long)), value);
        buffer.Advance(sizeof(long));
    }

    private void Nullable(long value)
    {
        Byte(value == Movement.Absent ? (byte)1 : (byte)0);
        if (value != Movement.Absent)
        {
            Int64(value);
        }
    }

    private void Length(int value)
    {
        var rest = (uint)value;
        for (; rest >= 0x80; rest >>= 7)
        {
            Byte((byte)(rest | 0x80));
        }

        Byte((byte)rest);
    }

    private void Text(ReadOnlySpan<byte> text)
    {
        Length(text.Length);
        buffer.Write(text);
    }
}
