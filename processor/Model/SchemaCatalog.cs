using System.Text.Json;

namespace Stockflow.Model;

/// <summary>One schema of the folder with the id and subject it has where no registry gave it others.</summary>
/// <param name="Id">From 1.</param>
/// <param name="Subject">Subject in a schema registry.</param>
/// <param name="Record">Full name of the record.</param>
/// <param name="Text">The schema's JSON.</param>
/// <param name="Path">The file.</param>
public sealed record CatalogSchema(int Id, string Subject, string Record, string Text, string Path);

/// <summary>
/// The schemas of <c>schemas/avro</c> with ids that follow from their place in a list, so that a process with the folder and the embedded
/// registry agree without talking to each other. New records go to the list's end: an id never changes.
/// </summary>
public static class SchemaCatalog
{
    private const string Namespace = "retail.inventory.v1";

    // A topic with one record has the subject TOPIC-value (TopicNameStrategy); one with several, TOPIC-RECORD (TopicRecordNameStrategy).
    private static readonly (string Record, string Subject)[] Known =
    [
        ("InventoryMovement", "inventory.movements-value"),
        ("OrderEvent", "orders-value"),
        ("PurchaseOrderEvent", $"purchase-orders-{Namespace}.PurchaseOrderEvent"),
        ("ShipNotice", $"purchase-orders-{Namespace}.ShipNotice"),
        ("InboundAppointment", $"purchase-orders-{Namespace}.InboundAppointment"),
        ("Sku", "reference.sku-value"),
        ("Location", "reference.location-value"),
        ("Vendor", "reference.vendor-value"),
        ("SkuVendor", "reference.sku-vendor-value"),
        ("Promotion", "reference.promotion-value"),
        ("CalendarDay", "reference.calendar-value"),
    ];

    /// <summary>The folder that is delivered with the program.</summary>
    public static string DefaultFolder => System.IO.Path.Combine(AppContext.BaseDirectory, "schemas", "avro");

    /// <summary>Every schema of a folder, by id. A record that the list does not know has its full name as subject and an id after the list's.</summary>
    /// <exception cref="SetupException">The folder or a file in it can not be used.</exception>
    public static IReadOnlyList<CatalogSchema> Load(string folder)
    {
        var found = Read(folder);
        var schemas = new List<CatalogSchema>();
        for (var i = 0; i < Known.Length; i++)
        {
            if (found.Remove($"{Namespace}.{Known[i].Record}", out var file))
            {
                schemas.Add(new CatalogSchema(i + 1, Known[i].Subject, $"{Namespace}.{Known[i].Record}", file.Text, file.Path));
            }
        }

        foreach (var (record, file) in found.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            schemas.Add(new CatalogSchema(Math.Max(Known.Length, schemas.Count == 0 ? 0 : schemas[^1].Id) + 1, record, record, file.Text, file.Path));
        }

        return schemas;
    }

    private static Dictionary<string, (string Text, string Path)> Read(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new SetupException($"the schema folder '{folder}' does not exist");
        }

        var found = new Dictionary<string, (string Text, string Path)>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(folder, "*.avsc").Order(StringComparer.Ordinal))
        {
            var text = File.ReadAllText(path);
            var name = NameOf(path, text);
            if (!found.TryAdd(name, (text, path)))
            {
                throw new SetupException($"'{path}' and '{found[name].Path}' both define {name}");
            }
        }

        return found.Count > 0 ? found : throw new SetupException($"the schema folder '{folder}' holds no .avsc file");
    }

    private static string NameOf(string path, string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var name = json.RootElement.GetProperty("name").GetString()!;
            return name.Contains('.', StringComparison.Ordinal) || !json.RootElement.TryGetProperty("namespace", out var space)
                ? name
                : $"{space.GetString()}.{name}";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new SetupException($"'{path}' is no Avro schema of a named type: {e.Message}", e);
        }
    }
}
