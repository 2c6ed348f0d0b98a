using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Stockflow.Model;

namespace Stockflow.Serve;

/// <summary>
/// Where a page of the ledger ended, opaque to callers: the last entry, the time of knowing that all pages share, and a mark of the question, so that
/// a cursor under another question is refused instead of answered wrongly. It grants nothing: the question is asked again with every page.
/// </summary>
internal sealed record LedgerCursor(
    [property: JsonPropertyName("t")] long EventTs, [property: JsonPropertyName("n")] string Topic, [property: JsonPropertyName("p")] int Partition,
    [property: JsonPropertyName("o")] long Offset, [property: JsonPropertyName("e")] string EffectOf, [property: JsonPropertyName("k")] long KnownAt,
    [property: JsonPropertyName("q")] string Question)
{
    private const int MaximumLength = 2048;

    public LedgerPlace Place => new(EventTs, Topic, Partition, Offset, EffectOf);

    public static string Write(LedgerEntry last, LedgerPageQuestion question) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(
        new LedgerCursor(last.EventTs, last.Topic, last.Partition, last.Offset, last.EffectOf, question.KnownAt, Mark(question)), CursorJson.Default.LedgerCursor));

    /// <summary>Null where the text is no cursor.</summary>
    public static LedgerCursor? Read(string text)
    {
        try
        {
            return text.Length > MaximumLength ? null : JsonSerializer.Deserialize(Base64Url.DecodeFromChars(text), CursorJson.Default.LedgerCursor) is
            { Topic: not null, EffectOf: not null, Question: not null, KnownAt: >= 0 and <= AsOf.Everything } cursor ? cursor : null;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Whether it was made for this question; known_at may be left out and is not part of it.</summary>
    public bool Fits(LedgerPageQuestion question) => Question == Mark(question);

    private static string Mark(LedgerPageQuestion question) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        JsonSerializer.Serialize([question.SkuId, question.LocationId ?? "\n", $"{question.From}", $"{question.Until}"], CursorJson.Default.StringArray))))[..16];
}

[JsonSerializable(typeof(LedgerCursor))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class CursorJson : JsonSerializerContext;
