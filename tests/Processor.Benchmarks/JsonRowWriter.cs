using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>Rows of the ledger and of the raw events as JSONEachRow, by the framework's own JSON writer.</summary>
internal sealed class JsonRowWriter : IRowWriter
{
    private static readonly JsonEncodedText[] LedgerNames = [.. RowNames.Ledger.Select(name => JsonEncodedText.Encode(name))];
    private static readonly JsonEncodedText[] RawNames = [.. RowNames.Raw.Select(name => JsonEncodedText.Encode(name))];
    private readonly ArrayBufferWriter<byte> buffer = new(1 << 20), quoted = new(1024);
    private readonly Utf8JsonWriter json;
    private int column;

    public JsonRowWriter() => json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public ReadOnlyMemory<byte> Written => buffer.WrittenMemory;

    public void Clear() => buffer.ResetWrittenCount();

    public void Dispose() => json.Dispose();

    public void Ledger(RecordBatch batch, int i)
    {
        ref var record = ref batch.Records[i];
        ref var movement = ref batch.Movements[i];
        Begin();
        json.WriteString(LedgerNames[column++], RowNames.Topic(batch));
        json.WriteNumber(LedgerNames[column++], batch.Lane.Partition);
        json.WriteNumber(LedgerNames[column++], record.Offset);
        json.WriteString(LedgerNames[column++], batch.Bytes(movement.EventId));
        Time(LedgerNames[column++], movement.EventTs);
        Time(LedgerNames[column++], movement.IngestTs);
        Time(LedgerNames[column++], Math.Max(0, record.BrokerTs));
        Time(LedgerNames[column++], batch.RecordedTs);
        json.WriteString(LedgerNames[column++], batch.Bytes(movement.SkuId));
        json.WriteString(LedgerNames[column++], batch.Bytes(movement.LocationId));
        json.WriteString(LedgerNames[column++], RowNames.Types[(int)movement.Type]);
        json.WriteNumber(LedgerNames[column++], movement.QtyDelta);
        Count(LedgerNames[column++], movement.CountedQty);
        json.WriteNumber(LedgerNames[column++], movement.Stocked ? 1 : 0);
        json.WriteString(LedgerNames[column++], batch.Bytes(movement.SourceSystem));
        json.WriteString(LedgerNames[column++], batch.Bytes(movement.ReferenceId));
        Money(LedgerNames[column++], movement.UnitPrice);
        Money(LedgerNames[column++], movement.UnitCost);
        foreach (var text in (ReadOnlySpan<Slice>)[movement.Currency, movement.PromoId, movement.Reason, movement.PerformedBy, movement.CounterpartId, movement.CorrectsEventId, movement.CustomerRef])
        {
            json.WriteString(LedgerNames[column++], batch.Bytes(text));
        }

        json.WriteStartObject(LedgerNames[column]);
        for (var entries = new AvroMapCursor(movement.Attributes.Length > 0 ? batch.Bytes(movement.Attributes) : [0]); entries.MoveNext();)
        {
            json.WriteString(entries.Key, entries.Value);
        }

        json.WriteEndObject();
        End();
    }

    public void Raw(RecordBatch batch, int i)
    {
        ref var record = ref batch.Records[i];
        Begin();
        json.WriteString(RawNames[column++], RowNames.Topic(batch));
        json.WriteNumber(RawNames[column++], batch.Lane.Partition);
        json.WriteNumber(RawNames[column++], record.Offset);
        Time(RawNames[column++], Math.Max(0, record.BrokerTs));
        Time(RawNames[column++], batch.RecordedTs);
        json.WriteString(RawNames[column++], batch.Bytes(record.Key));
        json.WritePropertyName(RawNames[column++]);
        json.WriteRawValue(Quote(batch.Bytes(record.Value)), skipInputValidation: true);
        json.WriteStartArray(RawNames[column++]);
        json.WriteEndArray();
        json.WriteString(RawNames[column++], "accepted"u8);
        json.WriteString(RawNames[column++], ""u8);
        json.WriteNumber(RawNames[column++], (ulong)batch.Movements[i].Fingerprint);
        json.WriteString(RawNames[column], ""u8);
        End();
    }

    private void Begin()
    {
        column = 0;
        json.WriteStartObject();
    }

    private void End()
    {
        json.WriteEndObject();
        json.Flush();
        json.Reset();
        buffer.Write("\n"u8);
    }

    // ClickHouse reads a DateTime64 from a whole number of its own units.
    private void Time(JsonEncodedText name, long milliseconds) => json.WriteNumber(name, milliseconds);

    private void Money(JsonEncodedText name, long value)
    {
        if (value == Movement.Absent)
        {
            json.WriteNull(name);
        }
        else
        {
            json.WriteNumber(name, value / 10_000m);
        }
    }

    private void Count(JsonEncodedText name, long value)
    {
        if (value == Movement.Absent)
        {
            json.WriteNull(name);
        }
        else
        {
            json.WriteNumber(name, value);
        }
    }

    // The event's own bytes are no UTF-8, which the framework's writer refuses and ClickHouse takes as they are.
    private ReadOnlySpan<byte> Quote(ReadOnlySpan<byte> bytes)
    {
        quoted.ResetWrittenCount();
        var target = quoted.GetSpan((bytes.Length * 6) + 2);
        var at = 0;
        target[at++] = (byte)'"';
        foreach (var value in bytes)
        {
            if (value is (byte)'"' or (byte)'\\')
            {
                target[at++] = (byte)'\\';
                target[at++] = value;
            }
            else if (value < 0x20)
            {
                "\\u00"u8.CopyTo(target[at..]);
                target[at + 4] = "0123456789abcdef"u8[value >> 4];
                target[at + 5] = "0123456789abcdef"u8[value & 15];
                at += 6;
            }
            else
            {
                target[at++] = value;
            }
        }

        target[at++] = (byte)'"';
        quoted.Advance(at);
        return quoted.WrittenSpan;
    }
}
