using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

public sealed class AllocationEndpointTests
{
    private const string Place = "\"destination\":{\"latitude\":52.5,\"longitude\":13.4}", Tea = "\"lines\":[{\"sku_id\":\"tea\",\"quantity\":2}]";
    private readonly ReferenceCatalog catalog = new();
    private readonly List<AvailableStock> stock = [];

    public AllocationEndpointTests()
    {
        catalog.PutLocation("DC-1", new LocationDetails(LocationKind.DistributionCentre, new GeoPoint(52.5, 13.4)));
        catalog.PutLocation("DC-2", new LocationDetails(LocationKind.DistributionCentre, new GeoPoint(53.5, 10)));
        catalog.PutLocation("V-1", new LocationDetails(LocationKind.Vendor, new GeoPoint(52.5, 13.4)));
    }

    [Fact]
    public async Task A_plan_is_told_in_snake_case()
    {
        stock.AddRange([new("tea", "DC-1", 1), new("tea", "DC-2", 5), new("tea", "V-1", 9), new("tea", "nowhere", 9)]);
        var (status, body) = await PostAsync($$"""{{{Place}},"lines":[{"sku_id":"tea","quantity":2,"line_id":"a"}],"maximum_splits":1}""");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(["complete", "requested", "allocated", "cost", "exact", "shipments", "unallocated", "reasons"], body.EnumerateObject().Select(member => member.Name));
        Assert.True(body.GetProperty("complete").GetBoolean());
        var shipment = body.GetProperty("shipments")[0];
        Assert.Equal("DC-2", shipment.GetProperty("location_id").GetString());
        Assert.Equal(254, shipment.GetProperty("distance_km").GetDouble(), 3.0);
        Assert.Equal("""[{"line_id":"a","sku_id":"tea","quantity":2}]""", shipment.GetProperty("lines").GetRawText());
        var cost = shipment.GetProperty("cost");
        Assert.Equal(cost.GetProperty("total").GetDecimal(), cost.GetProperty("distance").GetDecimal() + cost.GetProperty("shipment").GetDecimal() + cost.GetProperty("load").GetDecimal());
        Assert.Equal(cost.GetProperty("total").GetDecimal(), body.GetProperty("cost").GetDecimal());
        Assert.Equal(["DC-2 is nearest with the full quantity", "DC-1 skipped: it has 1 of 2 units"], body.GetProperty("reasons").EnumerateArray().Select(reason => reason.GetString()!.Split(" (")[0]));
    }

    [Fact]
    public async Task Candidates_bring_their_own_bounds()
    {
        stock.AddRange([new("tea", "DC-1", 5), new("tea", "DC-2", 5)]);
        var (_, body) = await PostAsync($$"""{{{Place}},{{Tea}},"locations":[{"location_id":"DC-2"},{"location_id":"DC-1","units_left":1,"shipments_left":3,"workload":0.5}]}""");
        Assert.Equal("DC-2", body.GetProperty("shipments")[0].GetProperty("location_id").GetString());
        Assert.Contains("DC-1 skipped: capacity left 1 of 2 units", body.GetProperty("reasons").EnumerateArray().Select(reason => reason.GetString()));
        (_, body) = await PostAsync($$"""{{{Place}},"lines":[{"sku_id":"tea","quantity":6}],"ship_complete":true,"locations":[{"location_id":"DC-2"}]}""");
        Assert.Equal(0, body.GetProperty("allocated").GetInt64());
        Assert.Equal("""[{"line_id":"1","sku_id":"tea","quantity":6}]""", body.GetProperty("unallocated").GetRawText());
        Assert.Empty(body.GetProperty("shipments").EnumerateArray());
    }

    public static TheoryData<string, string, string> BadBodies() => new()
    {
        { "", "bad-body", "" },
        { "null", "bad-body", "" },
        { "[]", "bad-body", "" },
        { $"{{{Tea}}}", "bad-body", "" },
        { $"{{{Place}}}", "bad-body", "" },
        { $"{{{Place},{Tea},\"unheard\":1}}", "bad-body", "unheard" },
        { $"{{{Place},{Tea},{Tea}}}", "bad-body", "lines" },
        { $"{{\"destination\":null,{Tea}}}", "bad-body", "destination" },
        { $"{{\"destination\":{{\"latitude\":91,\"longitude\":0}},{Tea}}}", "bad-value", "destination must be degrees" },
        { $"{{\"destination\":{{\"latitude\":\"NaN\",\"longitude\":0}},{Tea}}}", "bad-body", "latitude" },
        { $"{{{Place},\"lines\":[]}}", "bad-value", "lines must be 1 to 100" },
        { $"{{{Place},\"lines\":[null]}}", "bad-value", "lines[0] is null" },
        { $"{{{Place},\"lines\":[{{\"sku_id\":\"\",\"quantity\":1}}]}}", "bad-value", "lines[0].sku_id must be" },
        { $"{{{Place},\"lines\":[{{\"sku_id\":null,\"quantity\":1}}]}}", "bad-body", "sku_id" },
        { $"{{{Place},\"lines\":[{{\"sku_id\":\"tea\",\"quantity\":0}}]}}", "bad-value", "lines[0].quantity must be from 1 to 1000000" },
        { $"{{{Place},\"lines\":[{{\"sku_id\":\"tea\",\"quantity\":1000001}}]}}", "bad-value", "lines[0].quantity" },
        { $"{{{Place},\"lines\":[{{\"sku_id\":\"tea\",\"quantity\":1.5}}]}}", "bad-body", "quantity" },
        { $"{{{Place},\"lines\":[{{\"sku_id\":\"tea\",\"quantity\":1}},{{\"sku_id\":\"tea\",\"quantity\":1,\"line_id\":\"1\"}}]}}", "bad-value", "lines[1].line_id stands in an earlier line too" },
        { $"{{{Place},\"lines\":[{string.Join(',', Enumerable.Repeat("{\"sku_id\":\"tea\",\"quantity\":1}", 101))}]}}", "bad-value", "lines must be 1 to 100" },
        { $"{{{Place},{Tea},\"maximum_splits\":0}}", "bad-value", "maximum_splits must be 1 or more" },
        { $"{{{Place},{Tea},\"locations\":[]}}", "bad-value", "locations must be 1 to 1000" },
        { $"{{{Place},{Tea},\"locations\":[{{\"location_id\":\"DC-1\"}},{{\"location_id\":\"DC-1\"}}]}}", "bad-value", "locations[1].location_id stands in an earlier entry too" },
        { $"{{{Place},{Tea},\"locations\":[{{\"location_id\":\"DC-1\",\"workload\":1.1}}]}}", "bad-value", "locations[0].workload must be from 0 to 1" },
        { $"{{{Place},{Tea},\"locations\":[{{\"location_id\":\"DC-1\",\"units_left\":-1}}]}}", "bad-value", "locations[0].units_left must be 0 or more" },
        { $"{{{Place},{Tea},\"locations\":[{{\"location_id\":\"DC-1\"}},{{\"location_id\":\"DC-9\"}}]}}", "unknown-location", "locations[1].location_id is no location that ships" },
        { $"{{{Place},{Tea},\"locations\":[{{\"location_id\":\"V-1\"}}]}}", "unknown-location", "locations[0].location_id" },
    };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_body_that_can_not_be_is_refused_and_the_place_named(string text, string code, string detail)
    {
        var (status, body) = await PostAsync(text);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(code, body.GetProperty("code").GetString());
        Assert.Contains(detail, body.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_media_type_is_refused() => Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await PostAsync("{}", "text/plain")).Status);

    [Fact]
    public async Task The_largest_order_is_planned_soon()
    {
        var random = new Random(6);
        for (var i = 0; i < 12; i++)
        {
            catalog.PutLocation($"W-{i}", new LocationDetails(LocationKind.DistributionCentre, new GeoPoint(50 + i, 10)));
            stock.AddRange(Enumerable.Range(0, 100).Select(sku => new AvailableStock($"S{sku}", $"W-{i}", random.Next(20))));
        }

        var lines = string.Join(',', Enumerable.Range(0, 100).Select(sku => $"{{\"sku_id\":\"S{sku}\",\"quantity\":200}}"));
        var locations = string.Join(',', Enumerable.Range(0, 12).Select(i => $"{{\"location_id\":\"W-{i}\",\"units_left\":{500 + (i * 40)}}}"));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var (_, body) = await PostAsync($"{{{Place},\"lines\":[{lines}],\"locations\":[{locations}]}}");
        Assert.Equal(5, body.GetProperty("shipments").GetArrayLength());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"{watch.Elapsed}");
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string text, string type = "application/json")
    {
        var endpoint = new AllocationEndpoint(
            new AllocationOptions(),
            (skus, _) => Task.FromResult<IReadOnlyList<AvailableStock>>([.. stock.Where(item => skus.Contains(item.SkuId))]),
            (ids, _) => Task.FromResult(AllocationEndpoint.SitesOf(catalog, ids)));
        using var answer = new MemoryStream();
        var context = new DefaultHttpContext();
        context.Request.Method = "POST";
        context.Request.ContentType = type;
        context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(text));
        context.Response.Body = answer;
        await endpoint.AnswerAsync(context);
        return ((HttpStatusCode)context.Response.StatusCode, JsonDocument.Parse(answer.ToArray()).RootElement);
    }
}
