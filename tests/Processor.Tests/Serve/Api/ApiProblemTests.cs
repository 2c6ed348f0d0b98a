using Stockflow.Serve;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Api;

/// <summary>Every refusal that the document tells of can be brought about, and is as it says.</summary>
public sealed class ApiProblemTests
{
    [Fact]
    public async Task Every_documented_refusal_happens()
    {
        await using var host = await ApiHost.OpenAsync();
        var slow = new List<Task>();
        foreach (var (operation, status, code) in Of(host, (_, code) => !Provokers.Elsewhere.Contains(code)))
        {
            if (status == 408)
            {
                // They wait for the server's patience all at once; the store is not asked before their bodies are there.
                slow.Add(CheckAsync(operation, status, code, RawRequests.SlowAsync(host, await host.HappyAsync(operation))));
            }
            else
            {
                await CheckAsync(operation, status, code, Provokers.ProvokeAsync(host, operation, status, code));
            }
        }

        await Task.WhenAll(slow);
    }

    [Fact]
    public async Task Without_a_key_and_beyond_the_rate_nothing_is_answered()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("stockflow").FullName, "keys");
        await File.WriteAllTextAsync(file, ApiHost.Key);
        await using var keyed = await ApiHost.OpenAsync(new HttpOptions("http://127.0.0.1:0", ApiKeyFile: file));
        await AllAsync(keyed, "unauthorized");
        await using var narrow = await ApiHost.OpenAsync(new HttpOptions("http://127.0.0.1:0", RequestsPerSecond: 1, RequestBurst: 1));
        foreach (var (operation, status, code) in Of(narrow, (_, code) => code == "too-many-requests"))
        {
            var request = await narrow.HappyAsync(operation, isPrepared: false);
            var answer = await narrow.SendAsync(request);
            for (var i = 0; answer.Status != 429 && i < 100; i++)
            {
                answer = await narrow.SendAsync(request);
            }

            await CheckAsync(operation, status, code, Task.FromResult(answer));
        }
    }

    [Fact]
    public async Task What_a_server_lacks_is_told()
    {
        await using var bare = await ApiHost.OpenAsync(withStock: false);
        await AllAsync(bare, "commands-unavailable");
        await using var strict = await ApiHost.OpenAsync(requireKnownIds: true);
        await AllAsync(strict, "reference-loading");
        await using var full = await ApiHost.OpenAsync(stock: new StockOptions { MaximumFollowers = 0 });
        await AllAsync(full, "too-many-followers");
    }

    [Fact]
    public async Task What_takes_too_long_ends_in_503()
    {
        await using var host = await ApiHost.OpenAsync(new HttpOptions("http://127.0.0.1:0", RequestTimeoutSeconds: 5));
        var requests = new List<(SpecOperation Operation, ApiRequest Request)>();
        foreach (var (operation, _, _) in Of(host, (_, code) => code == "timeout"))
        {
            requests.Add((operation, await host.HappyAsync(operation)));
        }

        (host.Store.Fault, host.History.Fault, host.DeadLetters.Fault, host.Positions.Hang) = (Fault.Hangs, Fault.Hangs, Fault.Hangs, true);
        await Task.WhenAll(requests.Select(pair => CheckAsync(pair.Operation, 503, "timeout", host.SendAsync(pair.Request))));
    }

    private static IEnumerable<(SpecOperation Operation, int Status, string Code)> Of(ApiHost host, Func<int, string, bool> isMeant) =>
        host.Spec.Operations.SelectMany(operation => operation.Problems.Where(problem => isMeant(problem.Status, problem.Code)).Select(problem => (operation, problem.Status, problem.Code)));

    private static async Task AllAsync(ApiHost host, string meant)
    {
        var found = Of(host, (_, code) => code == meant).ToArray();
        Assert.NotEmpty(found);
        foreach (var (operation, status, code) in found)
        {
            await CheckAsync(operation, status, code, host.SendAsync(await host.HappyAsync(operation, isPrepared: false)));
        }
    }

    private static async Task CheckAsync(SpecOperation operation, int status, string code, Task<ApiAnswer> asked)
    {
        ApiAnswer answer;
        try
        {
            answer = await asked;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"{operation.Id} was to be refused with {status} {code}: {e.Message}", e);
        }

        Assert.True((status, code) == (answer.Status, answer.Code), $"{operation.Id} was to be refused with {status} {code}: {answer}");
        Assert.True(operation.Problem(answer) is null, $"{operation.Id}: {operation.Problem(answer)}: {answer}");
        Assert.Equal(status, answer.Json.GetProperty("status").GetInt32());
        if (answer.Headers.Any())
        {
            Assert.All(operation.Headers(status), header => Assert.True(answer.Headers.Contains(header), $"{operation.Id}: {header} is missing from {answer}"));
        }
    }
}
