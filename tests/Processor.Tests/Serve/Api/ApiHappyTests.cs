using System.Text;
using Xunit;

namespace Stockflow.Tests.Serve.Api;

/// <summary>Every operation of the served document, asked as the document says.</summary>
public sealed class ApiHappyTests
{
    [Fact]
    public async Task Every_operation_answers_what_the_document_says()
    {
        await using var host = await ApiHost.OpenAsync();
        var seen = new HashSet<(string, int)>();
        foreach (var operation in host.Spec.Operations)
        {
            var request = await host.HappyAsync(operation);
            Assert.Null(operation.Body is null ? null : operation.BodyProblem(request.Body!));
            var answer = await CheckAsync(host, request);
            seen.Add((operation.Id, answer.Status));
            if (operation.Method == "GET" && operation.Id != "followAtp")
            {
                request.Method = "HEAD";
                Assert.Equal(answer.Status, (await CheckAsync(host, request)).Status);
                request.Method = "GET";
            }

            if (operation.Statuses.Contains(304))
            {
                request.Headers["If-None-Match"] = answer.Headers.ETag!.Tag;
                seen.Add((operation.Id, (await CheckAsync(host, request)).Status));
            }
            else if (operation.NeedsIdempotencyKey && operation.Body is not null)
            {
                var again = await CheckAsync(host, request, isRepeated: true);
                Assert.Equal("true", again.Headers.GetValues("Idempotency-Replayed").Single());
                Assert.Equal((answer.Status, Encoding.UTF8.GetString(answer.Body)), (again.Status, Encoding.UTF8.GetString(again.Body)));
                if (operation.Statuses.Count() > 1)
                {
                    seen.Add((operation.Id, (await CheckAsync(host, request.WithNewKey())).Status));
                }
            }
        }

        host.Status.SourceConnected = false;
        seen.Add(("getReadiness", (await CheckAsync(host, await host.HappyAsync(host.Operation("getReadiness")))).Status));
        Assert.Empty(host.Spec.Operations.SelectMany(operation => operation.Statuses.Select(status => (operation.Id, status))).Except(seen));
    }

    [Fact]
    public async Task A_page_leads_to_the_next()
    {
        await using var host = await ApiHost.OpenAsync();
        foreach (var (make, list) in new[] { ("createReservation", "listReservations"), ("createTransfer", "listTransfers"), ("createPurchaseOrder", "listPurchaseOrders"), ("createCount", "listCounts") })
        {
            await host.DoneAsync(await host.HappyAsync(host.Operation(make)));
            await host.DoneAsync(await host.HappyAsync(host.Operation(make)));
            var first = await host.HappyAsync(host.Operation(list));
            first.Query.Add(("limit", "1"));
            first.Query.Add(("sku_id", ApiHost.Sku));
            var page = await CheckAsync(host, first);
            first.Query.Add(("cursor", page.Json.GetProperty("next").GetString()!));
            var next = await CheckAsync(host, first);
            Assert.NotEqual(page.Json.GetProperty("items")[0].GetRawText(), next.Json.GetProperty("items")[0].GetRawText());
        }
    }

    internal static async Task<ApiAnswer> CheckAsync(ApiHost host, ApiRequest request, bool isRepeated = false)
    {
        var answer = await host.SendAsync(request);
        Assert.True(answer.Status < 400 || request.Operation.Id == "getReadiness", $"{request} -> {answer}");
        Assert.True(request.Operation.Problem(answer) is null, $"{request} -> {request.Operation.Problem(answer)}: {answer}");
        foreach (var header in request.Operation.Headers(answer.Status).Where(header => !(isRepeated && header == "Stockflow-Durability")))
        {
            Assert.True(answer.Headers.Contains(header), $"{request} -> the header {header} is missing.");
        }

        return answer;
    }
}
