using System.Globalization;
using System.Text;
using System.Text.Json;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>A dead letter for people and for scripts.</summary>
internal static class DeadLetterView
{
    private const int HexLimit = 4096;

    /// <summary>One JSON object on one line.</summary>
    public static string Json(DeadLetter letter, string? decoded = null)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("id", letter.Id);
            json.WriteString("failed_at", letter.FailedAt);
            json.WriteString("reason", letter.Reason);
            json.WriteString("stage", letter.Stage);
            json.WriteString("message", letter.Message);
            json.WriteString("source", letter.Source);
            json.WriteString("key", letter.Key is null ? null : Encoding.UTF8.GetString(letter.Key));
            json.WriteNumber("value_bytes", letter.Value?.Length ?? 0);
            if (decoded is not null)
            {
                json.WriteString("value_base64", letter.Value is null ? null : Convert.ToBase64String(letter.Value));
                json.WriteStartArray("headers");
                foreach (var (name, value) in letter.AllHeaders)
                {
                    json.WriteStartObject();
                    json.WriteString("name", name);
                    json.WriteString("value", value is null ? null : Encoding.UTF8.GetString(value));
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteString("decoded", decoded);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    public static void Show(DeadLetter letter, string decoded, TextWriter output)
    {
        var table = new TerminalTable("field", "value");
        table.Add("id", letter.Id);
        table.Add("reason", letter.Reason);
        table.Add("message", letter.Message);
        table.Add("source", letter.Source);
        table.Add("failed at", Time(letter.FailedAt));
        table.Add("original time", Time(letter.Timestamp));
        table.Add("key", letter.Key is null ? "(none)" : Encoding.UTF8.GetString(letter.Key));
        foreach (var (name, value) in letter.AllHeaders)
        {
            table.Add("header " + name, value is null ? "(null)" : Encoding.UTF8.GetString(value));
        }

        table.Write(output);
        output.WriteLine($"value, {letter.Value?.Length ?? 0} bytes:");
        output.Write(Hex(letter.Value ?? []));
        output.WriteLine(decoded);
    }

    /// <summary>The value as JSON, or one line that says why there is none.</summary>
    public static async Task<string> DecodeAsync(DeadLetter letter, ISchemaSource schemas, CancellationToken token)
    {
        var status = ConfluentFrame.TryParse(letter.Value, out var id, out _);
        if (status != ConfluentFrameStatus.Ok)
        {
            return "not decoded: " + ConfluentFrame.Describe(status);
        }

        try
        {
            if (await schemas.GetByIdAsync(id, token).ConfigureAwait(false) is not { } schema)
            {
                return $"not decoded: there is no schema {id}";
            }

            var value = GenericReader.Read(schema, schema, letter.Value.AsSpan(ConfluentFrame.Size));
            return AvroJson.Write(schema, value, indented: true);
        }
        catch (Exception e) when (e is AvroException or StoreUnavailableException or SetupException)
        {
            return "not decoded: " + e.Message;
        }
    }

    /// <summary>Offset, sixteen bytes and their ASCII, a line each, as 'xxd' prints.</summary>
    internal static string Hex(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var shown = bytes[..Math.Min(bytes.Length, HexLimit)];
        for (var start = 0; start < shown.Length; start += 16)
        {
            var line = shown[start..Math.Min(start + 16, shown.Length)];
            text.Append(CultureInfo.InvariantCulture, $"{start:x8}  ");
            for (var i = 0; i < 16; i++)
            {
                text.Append(i < line.Length ? line[i].ToString("x2", CultureInfo.InvariantCulture) : "  ").Append(' ');
            }

            text.Append(' ');
            foreach (var b in line)
            {
                text.Append(b is >= 0x20 and < 0x7f ? (char)b : '.');
            }

            text.Append('\n');
        }

        return bytes.Length > HexLimit
            ? text.Append(CultureInfo.InvariantCulture, $"... {bytes.Length - HexLimit} more\n").ToString()
            : text.ToString();
    }

    internal static string Time(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
