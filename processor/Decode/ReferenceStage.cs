using System.Text;
using Stockflow.Avro;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>
/// Fills the <see cref="ReferenceCatalog"/> from records of the reference topics. A record that can not be read is logged and leaves the
/// catalogue as it is, but for a location, of which the key alone makes it known. A field that can not be is logged and left out.
/// </summary>
public sealed class ReferenceStage
{
    public const string SkuTopic = "reference.sku", LocationTopic = "reference.location", SkuVendorTopic = "reference.sku-vendor";

    private readonly ReferenceCatalog catalog;
    private readonly ILogger logger;
    private readonly ReferenceReader skus, locations, terms;
    private readonly int stocked, standardCost, abcClass, kind, latitude, longitude, vendorCost;

    public ReferenceStage(
        ISchemaSource schemas, AvroSchema sku, AvroSchema location, AvroSchema skuVendor, ReferenceCatalog catalog, TimeProvider time, ILogger logger)
    {
        this.catalog = catalog;
        this.logger = logger;
        skus = new ReferenceReader(schemas, sku, time, logger);
        locations = new ReferenceReader(schemas, location, time, logger);
        terms = new ReferenceReader(schemas, skuVendor, time, logger);
        (stocked, standardCost, abcClass) = (skus.Slot("stocked"), skus.Slot("unit_cost"), skus.Slot("abc_class"));
        (kind, latitude, longitude) = (locations.Slot("kind"), locations.Slot("latitude"), locations.Slot("longitude"));
        vendorCost = terms.Slot("unit_cost");
    }

    public async ValueTask ApplyAsync(string topic, int partition, long offset, byte[] key, byte[]? value, CancellationToken token)
    {
        var id = Encoding.UTF8.GetString(key);
        var problem = id.Length == 0 ? "its key is empty; the key must be the id"
            : topic switch
            {
                LocationTopic => await PutLocationAsync(id, value, token),
                SkuVendorTopic => await PutTermsAsync(id, value, token),
                _ => await PutSkuAsync(id, value, token),
            };
        if (problem is not null)
        {
            logger.ReferenceIgnored(topic, partition, offset, problem);
        }
    }

    private async ValueTask<string?> PutLocationAsync(string id, byte[]? value, CancellationToken token)
    {
        if (value is null)
        {
            catalog.RemoveLocation(id);
            return null;
        }

        // Movements need the id alone, and do not wait for a registry that is slow to say what else there is.
        catalog.PutLocation(id);
        if (await locations.ReadAsync(value, token) is { } problem)
        {
            return "only its id is used: " + problem;
        }

        var symbol = locations.Symbol(kind);
        GeoPoint? place = (locations.Number(latitude), locations.Number(longitude)) is ({ } north, { } east) ? new GeoPoint(north, east) : null;
        var isOdd = place is { IsValid: false } || locations.Number(latitude).HasValue != locations.Number(longitude).HasValue;
        catalog.PutLocation(id, new LocationDetails((LocationKind)(symbol <= (int)LocationKind.Vendor ? symbol : 0), isOdd ? null : place));
        return isOdd ? "only latitude and longitude: they must be degrees from -90 to 90 and from -180 to 180, both or none" : null;
    }

    private async ValueTask<string?> PutSkuAsync(string id, byte[]? value, CancellationToken token)
    {
        if (value is null)
        {
            catalog.RemoveSku(id);
            return null;
        }

        if (await skus.ReadAsync(value, token) is { } problem)
        {
            return problem;
        }

        var cost = skus.Money(standardCost, out var isBadCost);
        var text = skus.Text(abcClass);
        char? letter = text is ['A' or 'B' or 'C'] ? text[0] : null;
        catalog.PutSku(id, new SkuDetails(skus.IsTrue(stocked), cost, letter));
        return isBadCost ? "only unit_cost: it must be 0 or more, of at most 18 digits"
            : letter is null && text is { Length: > 0 } ? "only abc_class: it must be A, B or C"
            : null;
    }

    private async ValueTask<string?> PutTermsAsync(string id, byte[]? value, CancellationToken token)
    {
        // Neither part may be empty; the vendor's id is what follows the last bar.
        var bar = id.LastIndexOf('|');
        if (bar <= 0 || bar == id.Length - 1)
        {
            return "its key must be SKU|VENDOR";
        }

        if (value is not null && await terms.ReadAsync(value, token) is { } problem)
        {
            return problem;
        }

        var isBad = false;
        catalog.PutVendorCost(id[..bar], id[(bar + 1)..], value is null ? null : terms.Money(vendorCost, out isBad));
        return isBad ? "only unit_cost: it must be 0 or more, of at most 18 digits" : null;
    }
}
