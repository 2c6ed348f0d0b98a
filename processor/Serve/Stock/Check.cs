using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>Checks of a command's values; what is refused is named by its field and position.</summary>
internal sealed class Check(StockOptions options, ReferenceCatalog catalog, bool requireKnownIds)
{
    public const int MaximumId = 64, MaximumLines = 500;
    private const int MaximumText = 256;

    /// <summary>A line's id stands in event ids, which have 128 characters.</summary>
    private const int MaximumLineId = 40;

    /// <summary>An id of a document or person: visible characters without blanks.</summary>
    public static string Id(string field, string? id, int maximum = MaximumId)
    {
        RefusedCommandException.ThrowIf(string.IsNullOrEmpty(id), field, "is missing");
        RefusedCommandException.ThrowIf(id!.Length > maximum || id.AsSpan().ContainsAnyExceptInRange('!', '~'), field, $"must be 1 to {maximum} visible ASCII characters without blanks");
        return id;
    }

    public static string? Text(string field, string? text)
    {
        RefusedCommandException.ThrowIf(text is not null && (System.Text.Encoding.UTF8.GetByteCount(text) > MaximumText || text.Any(char.IsControl)), field, $"must have at most {MaximumText} bytes and no control characters");
        return text;
    }

    public long Quantity(string field, long quantity, long least = 1)
    {
        RefusedCommandException.ThrowIf(quantity < least || quantity > options.MaximumQuantity, field, $"must be from {least} to {options.MaximumQuantity}");
        return quantity;
    }

    /// <summary>A SKU that has stock; its movement would be a dead letter otherwise.</summary>
    public string Sku(string field, string? id)
    {
        Name(field, id);
        if (requireKnownIds)
        {
            var isKnown = catalog.TryGetSku(id!, out var stocked);
            WaitUntilLoaded(isKnown);
            RefusedCommandException.ThrowIf(!isKnown, field, $"'{id}' is not in topic reference.sku; publish it there first");
            RefusedCommandException.ThrowIf(!stocked, field, $"'{id}' is a service or a fee, which has no stock");
        }

        return id!;
    }

    public string Location(string field, string? id)
    {
        Name(field, id);
        var isKnown = !requireKnownIds || catalog.HasLocation(id!);
        WaitUntilLoaded(isKnown);
        RefusedCommandException.ThrowIf(!isKnown, field, $"'{id}' is not in topic reference.location; publish it there first");
        return id!;
    }

    public static void Lines<T>(string field, IReadOnlyList<T>? lines, int maximum = MaximumLines)
    {
        RefusedCommandException.ThrowIf(lines is not { Count: > 0 }, field, "is missing or empty");
        RefusedCommandException.ThrowIf(lines!.Count > maximum, field, $"has {lines.Count} entries, more than {maximum}");
    }

    /// <summary>The name of a request's line: its number from 1 unless given, and no other line's.</summary>
    public static string LineId(string at, int index, string? id, HashSet<string> names)
    {
        var name = id is null ? (index + 1).ToString(CultureInfo.InvariantCulture) : Id(at + ".line_id", id, MaximumLineId);
        RefusedCommandException.ThrowIf(!names.Add(name), at + ".line_id", $"'{name}' stands twice");
        return name;
    }

    private void WaitUntilLoaded(bool isKnown)
    {
        if (!isKnown && !catalog.IsLoaded)
        {
            throw new RefusedCommandException(503, "reference-loading", "This processor has not read the reference topics to their end yet. Try again.");
        }
    }

    private static void Name(string field, string? id)
    {
        if (string.IsNullOrEmpty(id))
        {
            throw RefusedCommandException.BadValue(field, "is missing");
        }

        RefusedCommandException.ThrowIf(System.Text.Encoding.UTF8.GetByteCount(id) > MaximumId || id.Any(char.IsControl) || id[0] == ' ' || id[^1] == ' ', field,
            $"must be 1 to {MaximumId} bytes without control characters and without blanks at its ends");
    }
}
