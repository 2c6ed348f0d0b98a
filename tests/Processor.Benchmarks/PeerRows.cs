using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>A batch as JSONEachRow: a line an event for <c>raw_events</c> and one an accepted event for <c>ledger</c>.</summary>
internal sealed class PeerRows : IDisposable
{
    private const int FirstPrintable = 0x20;
    private static readonly string[] OptionalTexts =
        ["currency", "promo_id", "reason", "performed_by", "corrects_event_id", "customer_ref"];

    private readonly ArrayBufferWriter<byte> raw = new(1 << 20), ledger = new(1 << 20), text = new(1024);
    private readonly Utf8JsonWriter json = new(new ArrayBufferWriter<byte>(), new JsonWriterOptions { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public ReadOnlyMemory<byte> Raw => raw.WrittenMemory;

    public ReadOnlyMemory<byte> Ledger => ledger.WrittenMemory;

    public void Clear()
    {
        raw.ResetWrittenCount();
        ledger.ResetWrittenCount();
    }

    public void Add(PeerEvent item, DateTimeOffset recordedAt)
    {
        AddRaw(item, recordedAt);
        if (item.Accepted)
        {
            AddLedger(item, recordedAt);
        }
    }

    public void Dispose() => json.Dispose();

    private void AddRaw(PeerEvent item, DateTimeOffset recordedAt)
    {
        var (record, message) = (item.Source, item.Source.Message);
        json.Reset(raw);
        json.WriteStartObject();
        WriteSource(item, recordedAt);
        json.WritePropertyName("key"u8);
        WriteBytes(message.Key);
        json.WritePropertyName("value"u8);
        WriteBytes(message.Value);
        json.WriteStartArray("headers"u8);
        foreach (var header in message.Headers ?? [])
        {
            json.WriteStartObject();
            json.WriteString("name"u8, header.Key);
            json.WritePropertyName("value"u8);
            WriteBytes(header.GetValueBytes());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("verdict"u8, item.Reason != RejectReason.None ? "dead_letter" : item.Accepted ? "accepted" : "duplicate");
        json.WriteString("reason"u8, item.Reason != RejectReason.None ? item.Reason.Code() : "");
        json.WriteNumber("event_hash"u8, item.Movement is { } movement ? (ulong)SipHash128.Hash(Encoding.UTF8.GetBytes((string)movement["event_id"]!)) : 0);
        json.WriteString("message"u8, item.Reason != RejectReason.None ? $"the record breaks the rule {item.Reason.Code()}" : "");
        End(raw);
    }

    private void AddLedger(PeerEvent item, DateTimeOffset recordedAt)
    {
        var movement = item.Movement!;
        json.Reset(ledger);
        json.WriteStartObject();
        WriteSource(item, recordedAt);
        json.WriteString("event_id"u8, (string)movement["event_id"]!);
        WriteTime("event_ts"u8, (DateTimeOffset)movement["event_ts"]!);
        WriteTime("ingest_ts"u8, (DateTimeOffset)movement["ingest_ts"]!);
        json.WriteString("sku_id"u8, item.Sku);
        json.WriteString("location_id"u8, item.Location);
        json.WriteString("movement_type"u8, item.Type.Name());
        json.WriteNumber("qty_delta"u8, item.Quantity);
        if (movement["counted_qty"] is long counted)
        {
            json.WriteNumber("counted_qty"u8, counted);
        }

        json.WriteNumber("stocked"u8, item.Stocked ? 1 : 0);
        json.WriteString("source_system"u8, (string)movement["source_system"]!);
        json.WriteString("reference_id"u8, (string)movement["reference_id"]!);
        WriteDecimal("unit_price", movement["unit_price"]);
        WriteDecimal("unit_cost", movement["unit_cost"]);
        foreach (var name in OptionalTexts)
        {
            json.WriteString(name, (string?)movement[name] ?? "");
        }

        json.WriteString("counterpart_location_id"u8, (string?)movement["counterpart_location_id"] ?? "");
        json.WriteStartObject("attributes"u8);
        foreach (var (name, value) in (Dictionary<string, object?>)movement["attributes"]!)
        {
            json.WriteString(name, (string)value!);
        }

        json.WriteEndObject();
        End(ledger);
    }

    private void WriteSource(PeerEvent item, DateTimeOffset recordedAt)
    {
        json.WriteString("topic"u8, item.Source.Topic);
        json.WriteNumber("partition"u8, item.Source.Partition.Value);
        json.WriteNumber("offset"u8, item.Source.Offset.Value);
        WriteTime("broker_ts"u8, DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, item.Source.Message.Timestamp.UnixTimestampMs)));
        WriteTime("recorded_at"u8, recordedAt);
    }

    private void End(ArrayBufferWriter<byte> target)
    {
        json.WriteEndObject();
        json.Flush();
        target.Write("\n"u8);
    }

    private void WriteTime(ReadOnlySpan<byte> name, DateTimeOffset time)
    {
        Span<byte> text = stackalloc byte[32];
        time.UtcDateTime.TryFormat(text, out var length, "yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
        json.WriteString(name, text[..length]);
    }

    private void WriteDecimal(string name, object? value)
    {
        if (value is decimal number)
        {
            json.WriteNumber(name, number);
        }
    }

    // ClickHouse takes a string's bytes as they stand: only what JSON itself needs is escaped, and Avro bytes stay what they are.
    private void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        text.ResetWrittenCount();
        text.Write("\""u8);
        foreach (var value in bytes)
        {
            if (value is >= FirstPrintable and not (byte)'"' and not (byte)'\\')
            {
                text.GetSpan(1)[0] = value;
                text.Advance(1);
            }
            else
            {
                var escaped = text.GetSpan(6);
                "\\u00"u8.CopyTo(escaped);
                value.TryFormat(escaped[4..], out _, "x2", CultureInfo.InvariantCulture);
                text.Advance(6);
            }
        }

        text.Write("\""u8);
        json.WriteRawValue(text.WrittenSpan, skipInputValidation: true);
    }
}
