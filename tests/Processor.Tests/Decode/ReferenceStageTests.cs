using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Decode;

public sealed class ReferenceStageTests
{
    private readonly ReferenceCatalog catalog = new();
    private readonly ReferenceStage stage;

    public ReferenceStageTests() => stage = new ReferenceStage(
        FolderRecords.Schemas, FolderRecords.Schema("Sku"), FolderRecords.Schema("Location"), FolderRecords.Schema("SkuVendor"), catalog, FolderRecords.Time, NullLogger.Instance);

    [Fact]
    public async Task A_location_keeps_its_kind_and_place()
    {
        await LocationAsync(52.5, 13.4);
        Assert.Equal(new LocationDetails(LocationKind.DistributionCentre, new GeoPoint(52.5, 13.4)), catalog.Location("DC-1"));
        Assert.Equal("DC-1", Assert.Single(catalog.Locations()).Key);
        await ApplyAsync(ReferenceStage.LocationTopic, "DC-1", null);
        Assert.False(catalog.HasLocation("DC-1"));
        Assert.Null(catalog.Location("DC-1"));
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData(52.5, null)]
    [InlineData(null, 13.4)]
    [InlineData(90.1, 13.4)]
    [InlineData(52.5, -180.1)]
    [InlineData(double.NaN, 13.4)]
    [InlineData(52.5, double.PositiveInfinity)]
    public async Task A_place_that_can_not_be_costs_the_place_only(double? latitude, double? longitude)
    {
        await LocationAsync(latitude, longitude);
        Assert.Equal(new LocationDetails(LocationKind.DistributionCentre, null), catalog.Location("DC-1"));
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0, 0, 0 })]
    [InlineData(new byte[] { 9, 9, 9, 9, 9, 9 })]
    [InlineData(new byte[] { 0, 0x7f, 0, 0, 0, 1 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 0xff, 0xff })]
    public async Task A_value_that_can_not_be_read_makes_a_location_known_and_keeps_what_was(byte[] value)
    {
        await ApplyAsync(ReferenceStage.LocationTopic, "DC-1", value);
        Assert.Equal(LocationDetails.None, catalog.Location("DC-1"));
        await LocationAsync(52.5, 13.4);
        await ApplyAsync(ReferenceStage.LocationTopic, "DC-1", value);
        Assert.Equal(new GeoPoint(52.5, 13.4), catalog.Location("DC-1")!.Place);
    }

    [Theory]
    [InlineData("1.25", "A", 12_500L, 'A')]
    [InlineData("0", "C", 0L, 'C')]
    [InlineData(null, null, null, null)]
    [InlineData("-1", "D", null, null)]
    [InlineData("1.25", "AB", 12_500L, null)]
    [InlineData("1.25", "", 12_500L, null)]
    public async Task A_sku_keeps_its_cost_and_class(string? cost, string? letter, long? expected, char? expectedLetter)
    {
        await ApplyAsync(ReferenceStage.SkuTopic, "SKU-1", FolderRecords.Value("Sku", new Dictionary<string, object?>
        {
            ["sku_id"] = "SKU-1",
            ["name"] = "Tea",
            ["stocked"] = false,
            ["unit_cost"] = cost is null ? null : decimal.Parse(cost, System.Globalization.CultureInfo.InvariantCulture),
            ["abc_class"] = letter,
            ["updated_at"] = FolderRecords.Now,
        }));
        Assert.Equal(new SkuDetails(false, expected, expectedLetter), catalog.Sku("SKU-1"));
        Assert.True(catalog.TryGetSku("SKU-1", out var stocked));
        Assert.False(stocked);
    }

    [Fact]
    public async Task A_value_that_can_not_be_read_leaves_a_sku_as_it_is()
    {
        catalog.PutSku("SKU-1", new SkuDetails(true, 5, 'B'));
        await ApplyAsync(ReferenceStage.SkuTopic, "SKU-1", [0, 0, 0, 0, 1]);
        await ApplyAsync(ReferenceStage.SkuTopic, "SKU-2", [7]);
        Assert.Equal(new SkuDetails(true, 5, 'B'), catalog.Sku("SKU-1"));
        Assert.Null(catalog.Sku("SKU-2"));
    }

    [Fact]
    public async Task A_vendors_cost_is_kept_until_it_is_withdrawn()
    {
        await TermsAsync("SKU-1|V-1", 2.5m);
        await TermsAsync("SKU|2|V-1", 3m);
        await TermsAsync("|V-1", 4m);
        await TermsAsync("SKU-1", 4m);
        Assert.Equal(25_000, catalog.VendorCost("SKU-1", "V-1"));
        Assert.Equal(30_000, catalog.VendorCost("SKU|2", "V-1"));
        Assert.Null(catalog.VendorCost("SKU-1", "V-2"));
        await TermsAsync("SKU-1|V-1", null);
        Assert.Null(catalog.VendorCost("SKU-1", "V-1"));
        await ApplyAsync(ReferenceStage.SkuVendorTopic, "SKU|2|V-1", null);
        Assert.Null(catalog.VendorCost("SKU|2", "V-1"));
    }

    [Fact]
    public async Task No_bytes_make_it_throw()
    {
        var random = new Random(20263);
        var value = Location(52.5, 13.4);
        for (var i = 0; i < 10_000; i++)
        {
            var topic = (i % 3) switch { 0 => ReferenceStage.LocationTopic, 1 => ReferenceStage.SkuTopic, _ => ReferenceStage.SkuVendorTopic };
            await ApplyAsync(topic, "X|Y", FolderRecords.Damage(random, value));
            Assert.True(catalog.HasLocation("X|Y"));
        }
    }

    private static byte[] Location(double? latitude, double? longitude) => FolderRecords.Value("Location", new Dictionary<string, object?>
    {
        ["location_id"] = "DC-1",
        ["name"] = "Berlin",
        ["kind"] = "DISTRIBUTION_CENTRE",
        ["latitude"] = latitude,
        ["longitude"] = longitude,
        ["updated_at"] = FolderRecords.Now,
    });

    private ValueTask LocationAsync(double? latitude, double? longitude) => ApplyAsync(ReferenceStage.LocationTopic, "DC-1", Location(latitude, longitude));

    private ValueTask TermsAsync(string key, decimal? cost) => ApplyAsync(ReferenceStage.SkuVendorTopic, key, FolderRecords.Value("SkuVendor", new Dictionary<string, object?>
    {
        ["sku_id"] = "SKU-1",
        ["vendor_id"] = "V-1",
        ["lead_time_mean_days"] = 7.0,
        ["lead_time_sigma_days"] = 1.0,
        ["unit_cost"] = cost,
        ["updated_at"] = FolderRecords.Now,
    }));

    private ValueTask ApplyAsync(string topic, string key, byte[]? value) => stage.ApplyAsync(topic, 0, 1, Encoding.UTF8.GetBytes(key), value, CancellationToken.None);
}
