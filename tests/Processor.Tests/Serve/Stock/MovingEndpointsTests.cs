using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

/// <summary>The paths over HTTP: that they are mapped, read their bodies and answer as commands do.</summary>
public sealed class MovingEndpointsTests : IAsyncLifetime, IDisposable
{
    private readonly StockBench bench = new();
    private readonly HttpClient client = new();
    private WebApplication? app;
    private int keys;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        var time = new StoreTime(bench.Store);
        var http = new CommandHttp(bench.Store, bench.Runner, time);
        TransferEndpoints.Map(app, http, bench.Transfers);
        PurchaseOrderEndpoints.Map(app, http, bench.Orders);
        CountEndpoints.Map(app, http, bench.Plans, bench.Counts, new Shrinkage(bench.Store, bench.Counts, bench.Options, time));
        AdjustmentEndpoints.Map(app, http, bench.Adjustments);
        await app.StartAsync();
        client.BaseAddress = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    public async Task DisposeAsync() => await app!.DisposeAsync();

    public void Dispose() => client.Dispose();

    [Fact]
    public async Task A_transfer_goes_its_way()
    {
        bench.Store.Put("A", "DC", 10);
        await SendAsync("POST", "/v1/transfers", """{"transfer_id":"T1","from_location_id":"DC","to_location_id":"S1","lines":[{"sku_id":"A","quantity":4}]}""", 201);
        await SendAsync("POST", "/v1/transfers/T1/ship", "{}");
        await SendAsync("POST", "/v1/transfers/T1/receive", """{"lines":[{"line_id":"1","quantity":3,"damaged":1}]}""");
        Assert.Equal("RECEIVED", (await SendAsync("GET", "/v1/transfers/T1")).GetProperty("state").GetString());
        Assert.Equal(1, (await SendAsync("GET", "/v1/transfers?to_location_id=S1")).GetProperty("items").GetArrayLength());
        Assert.Equal("wrong-state", (await SendAsync("POST", "/v1/transfers/T1/cancel", "{}", 409)).GetProperty("code").GetString());
        Assert.Equal("bad-body", (await SendAsync("POST", "/v1/transfers", """{"form":"DC"}""", 400)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_purchase_order_goes_its_way()
    {
        await SendAsync("POST", "/v1/purchase-orders", """{"po_id":"P1","vendor_id":"V1","lines":[{"sku_id":"A","location_id":"DC","ordered":4,"expected_date":"2026-03-10","unit_cost":1.25}]}""", 201);
        await SendAsync("POST", "/v1/purchase-orders/P1/receive", """{"lines":[{"line_id":"1","quantity":4,"lot":"L1","attributes":{"expiry":"2027-01-01"}}]}""");
        var order = await SendAsync("GET", "/v1/purchase-orders/P1");
        Assert.Equal(("RECEIVED", "2026-03-10", 1.25m), (order.GetProperty("state").GetString(), order.GetProperty("lines")[0].GetProperty("expected_date").GetString(), order.GetProperty("lines")[0].GetProperty("unit_cost").GetDecimal()));
        await SendAsync("POST", "/v1/purchase-orders/P1/close", """{"reason":"done"}""");
        await SendAsync("POST", "/v1/purchase-orders/P1/cancel", "{}", 409);
        Assert.Equal(1, (await SendAsync("GET", "/v1/purchase-orders?state=CLOSED")).GetProperty("items").GetArrayLength());
    }

    [Theory]
    [InlineData("A", "A")]
    [InlineData("a/b", "a%2Fb")]
    [InlineData("ü 1", "%C3%BC%201")]
    public async Task A_plan_is_counted(string sku, string path)
    {
        bench.Store.Put(sku, "S1", 10);
        await SendAsync("POST", $"/v1/count-plans/{path}/S1", """{"abc_class":"A","due_at":"2026-03-02T10:00:00Z"}""", 201);
        Assert.Equal(sku, (await SendAsync("GET", $"/v1/count-plans/{path}/S1")).GetProperty("sku_id").GetString());
        bench.Pass(TimeSpan.FromHours(1));
        await bench.SweepAsync();
        var due = (await SendAsync("GET", "/v1/count-plans?state=DUE")).GetProperty("items")[0];
        var id = due.GetProperty("count_id").GetString();
        Assert.False((await SendAsync("GET", $"/v1/counts/{id}")).TryGetProperty("expected", out _));
        await SendAsync("POST", $"/v1/counts/{id}/entry", """{"counted":4,"counter":"bob"}""");
        Assert.Equal("same-person", (await SendAsync("POST", $"/v1/counts/{id}/approve", """{"root_cause":"THEFT","performed_by":"bob"}""", 403)).GetProperty("code").GetString());
        await SendAsync("POST", $"/v1/counts/{id}/approve", """{"root_cause":"THEFT","performed_by":"carol"}""");
        Assert.Equal(1, (await SendAsync("GET", "/v1/counts?state=APPROVED")).GetProperty("items").GetArrayLength());
        Assert.Equal(6, (await SendAsync("GET", "/v1/shrinkage?location_id=S1&days=7")).GetProperty("shrink_units").GetInt64());
        await SendAsync("GET", "/v1/shrinkage?days=31", null, 400);
        await SendAsync("GET", "/v1/shrinkage?sku_id=A", null, 400);
        await SendAsync("DELETE", $"/v1/count-plans/{path}/S1", "{}");
        await SendAsync("GET", $"/v1/count-plans/{path}/S1", null, 404);
    }

    [Fact]
    public async Task A_count_is_made_and_rejected_and_an_adjustment_posted()
    {
        var id = (await SendAsync("POST", "/v1/counts", """{"sku_id":"A","location_id":"S1"}""", 201)).GetProperty("count_id").GetString();
        await SendAsync("POST", $"/v1/counts/{id}/entry", """{"counted":9,"counter":"bob"}""");
        await SendAsync("POST", $"/v1/counts/{id}/reject", """{"reason":"wrong shelf","performed_by":"carol"}""");
        var adjusted = await SendAsync("POST", "/v1/adjustments", """{"sku_id":"A","location_id":"S1","quantity_delta":3,"reason":"FOUND","performed_by":"bob"}""", 201);
        Assert.Equal(bench.Store.Moves.Single().EventId, adjusted.GetProperty("event_id").GetString());
    }

    private async Task<JsonElement> SendAsync(string method, string path, string? body = null, int status = 200)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(client.BaseAddress + path.TrimStart('/')));
        if (body is not null)
        {
            request.Headers.Add("Idempotency-Key", $"k{++keys}");
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using var response = await client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True((HttpStatusCode)status == response.StatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }
}
