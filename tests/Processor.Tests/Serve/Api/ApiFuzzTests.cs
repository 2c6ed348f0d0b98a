using System.Globalization;
using Xunit;
using Xunit.Abstractions;

namespace Stockflow.Tests.Serve.Api;

/// <summary>
/// Requests that are wrong at random: every answer is one that the document tells of, none is a 500, and what the document calls wrong is never done.
/// STOCKFLOW_FUZZ_REQUESTS sets how many (3,000), STOCKFLOW_FUZZ_SEED where they begin; with a failure's seed and 1 request that one is asked alone.
/// </summary>
public sealed class ApiFuzzTests(ITestOutputHelper output)
{
    private const int ToldFailures = 10;

    /// <summary>Of the server itself, with method and version.</summary>
    private const int LongestLine = 8192;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Whatever_is_asked_the_answer_is_in_the_document()
    {
        var (count, seed) = (Setting("STOCKFLOW_FUZZ_REQUESTS", 3000), Setting("STOCKFLOW_FUZZ_SEED", 1));
        await using var host = await ApiHost.OpenAsync();
        var failures = new List<string>();
        var answers = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < count && failures.Count < ToldFailures; i++)
        {
            var random = new Random(seed + i);
            var operation = host.Spec.Operations[(seed + i) % host.Spec.Operations.Count];
            var request = await host.HappyAsync(operation, isPrepared: random.Next(3) > 0, chance: random);
            new Mutator(random).Mutate(request);
            try
            {
                var answer = await host.SendAsync(request);
                var kind = $"{answer.Status} {answer.Code}";
                answers[kind] = answers.GetValueOrDefault(kind) + 1;
                if (Problem(host, request, answer) is { } problem)
                {
                    failures.Add($"STOCKFLOW_FUZZ_SEED={seed + i} {operation.Id}: {problem}\n  {request}\n  {answer}");
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or InvalidOperationException or System.Text.Json.JsonException)
            {
                failures.Add($"STOCKFLOW_FUZZ_SEED={seed + i} {operation.Id}: no answer: {e.Message}\n  {request}");
            }
        }

        output.WriteLine(string.Join('\n', answers.Select(pair => $"{pair.Value,6} {pair.Key}")));
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.True(count < 3000 || answers.Keys.Count(kind => kind[0] == '4') > 15, "The requests hardly differ.");
    }

    private static string? Problem(ApiHost host, ApiRequest request, ApiAnswer answer)
    {
        var operation = request.Operation;
        if (answer.Time > Patience)
        {
            return $"it took {answer.Time}";
        }

        if (answer.Status >= 500)
        {
            return "no store failed";
        }

        if (answer.Status == 414 && answer.Body.Length == 0)
        {
            return request.Target.Length > LongestLine - 20 ? null : "the path is not that long";
        }

        if (request.IsElsewhere)
        {
            // The server itself refuses what is no path; else it may be any path that there is, or none.
            return answer.Body.Length == 0 || answer.Code is "no-such-path" or "method-not-allowed" || answer.Status < 300
                || host.Spec.Operations.Any(other => other.Problems.Contains((answer.Status, answer.Code))) ? null : "no path answers this";
        }

        if (operation.Problem(answer) is { } undescribed)
        {
            return undescribed;
        }

        if (answer.Status >= 300 || request.Method != operation.Method)
        {
            return null;
        }

        if (operation.Body is not null && operation.BodyProblem(request.Body!) is { } wrong)
        {
            return $"it was done, though by the document {wrong}";
        }

        foreach (var parameter in operation.Parameters.Where(parameter => (string)parameter["in"]! == "query" && (string?)parameter["schema"]!["type"] == "integer"))
        {
            var given = request.Query.Where(pair => pair.Name == (string)parameter["name"]!).Select(pair => pair.Value).ToArray();
            if (given.Length > 1 || given.Any(text => !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value < (int)parameter["schema"]!["minimum"]! || value > (int)parameter["schema"]!["maximum"]!))
            {
                return $"it was answered, though {parameter["name"]} is wrong";
            }
        }

        return null;
    }

    private static int Setting(string name, int usual) => Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;
}
