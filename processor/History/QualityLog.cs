using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Tables <c>quality_results</c> and <c>quality_releases</c>.</summary>
public sealed class QualityLog(IClickHouse clickHouse)
{
    /// <summary>Keeps results; writing one again changes nothing.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task WriteAsync(IReadOnlyList<QualityResult> results, CancellationToken token)
    {
        if (results.Count > 0)
        {
            await clickHouse.InsertRowsAsync("quality_results", results.Select(result => new Dictionary<string, object?>
            {
                ["rule"] = result.Rule,
                ["evaluated_at"] = ClickHouseValues.ToText(result.EvaluatedAt),
                ["kind"] = result.Kind,
                ["severity"] = result.Severity,
                ["description"] = result.Description,
                ["status"] = result.Status,
                ["since"] = ClickHouseValues.ToText(result.Since),
                ["until"] = ClickHouseValues.ToText(result.Until),
                ["observed"] = result.Observed,
                ["expected"] = result.Expected,
                ["threshold"] = result.Threshold,
                ["violations"] = result.Violations,
                ["samples"] = result.Samples,
            }), token);
        }
    }

    /// <summary>The latest result of each rule, by name.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task<IReadOnlyList<QualityResult>> CurrentAsync(CancellationToken token)
    {
        var results = new List<QualityResult>();
        await foreach (var row in clickHouse.QueryAsync("""
            SELECT toString(rule) AS name, toString(kind), toString(severity), description, toString(status), toUnixTimestamp64Milli(evaluated_at), toUnixTimestamp64Milli(since),
                toUnixTimestamp64Milli(until), observed, expected, threshold, violations, samples
            FROM quality_current
            ORDER BY name
            """, token: token))
        {
            results.Add(new QualityResult(row.Get<string>(0)!, row.Get<string>(1)!, row.Get<string>(2)!, row.Get<string>(3)!, row.Get<string>(4)!, Time(5), Time(6), Time(7),
                row.Get<double?>(8), row.Get<double?>(9), row.Get<double>(10), row.Get<long>(11), row.Texts(12)));

            DateTime Time(int column) => DateTime.UnixEpoch.AddMilliseconds(row.Get<long>(column));
        }

        return results;
    }

    /// <summary>Notes a step of the release of letters.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public Task NoteAsync(string topic, IEnumerable<(int Partition, long Offset, string Rule, string Source)> letters, string state, string releasedBy, DateTimeOffset at, CancellationToken token) =>
        clickHouse.InsertRowsAsync("quality_releases", letters.Select(letter => new Dictionary<string, object?>
        {
            ["topic"] = topic,
            ["partition"] = letter.Partition,
            ["offset"] = letter.Offset,
            ["state"] = state,
            ["rule"] = letter.Rule,
            ["source"] = letter.Source,
            ["released_by"] = releasedBy,
            ["recorded_at"] = ClickHouseValues.ToText(at.UtcDateTime),
        }), token);

    /// <summary>Letters of a dead-letter topic that were released, with who did it.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task<IReadOnlyDictionary<(int Partition, long Offset), string>> ReleasedAsync(string topic, CancellationToken token)
    {
        var released = new Dictionary<(int, long), string>();
        await foreach (var row in clickHouse.QueryAsync("SELECT partition, offset, released_by FROM quality_releases WHERE topic = {topic:String} AND state = 'sent'",
            new Dictionary<string, object?> { ["topic"] = topic }, token))
        {
            released[(row.Get<int>(0), row.Get<long>(1))] = row.Get<string>(2)!;
        }

        return released;
    }
}
