using Stockflow.History;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary>Evaluates the data quality rules from time to time, in whichever process owns the topic's first partition.</summary>
internal sealed class QualityWatch(
    ProcessorOptions options, IReadOnlyList<QualityRule> rules, IPositionStore positions, IClickHouse clickHouse, ReferenceCatalog catalog, ProcessorStatus status,
    TimeProvider time, ILogger logger)
{
    private readonly QualityEvaluator evaluator = new(clickHouse, options.Kafka.Topic, catalog);
    private readonly QualityLog log = new(clickHouse);
    private bool isFailing;

    /// <summary>Looks until <paramref name="token"/> ends. A server that is away delays the look and stops nothing.</summary>
    public Task RunAsync(CancellationToken token) => Watch.RunAsync(async () =>
    {
        if (options.Quality.IntervalSeconds == 0)
        {
            return Timeout.InfiniteTimeSpan;
        }

        await TryAsync(token);
        return TimeSpan.FromSeconds(options.Quality.IntervalSeconds);
    }, time, token);

    private async Task TryAsync(CancellationToken token)
    {
        try
        {
            if (!status.Lanes.TryGetValue(0, out var lane) || !await positions.IsOwnerAsync(0, lane.Epoch, token))
            {
                (status.Quality, status.Quarantined) = ([], -1);
                return;
            }

            if (!status.HistoryConnected)
            {
                return;
            }

            var waiting = await evaluator.QuarantinedAsync(token);
            var before = status.Quality.Length > 0 ? status.Quality : await log.CurrentAsync(token);
            var results = new List<QualityResult>(rules.Count);
            foreach (var rule in rules)
            {
                var former = before.FirstOrDefault(result => result.Rule == rule.Name);
                results.Add(Told(former, await evaluator.EvaluateAsync(rule, time.GetUtcNow(), waiting, token)));
            }

            await log.WriteAsync(results, token);
            (status.Quality, status.Quarantined) = ([.. results], waiting.Sum(one => one.Events));
            isFailing = false;
        }
        catch (Exception e) when (e is ClickHouseException or StoreUnavailableException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            if (!isFailing)
            {
                logger.QualityWaits(e.Message);
            }

            isFailing = true;
        }
    }

    // A source that was found silent stays so when it is out of sight: else the alert would end by itself.
    private QualityResult Told(QualityResult? former, QualityResult result)
    {
        if (result is { Status: QualityStatus.Unknown, Kind: "freshness" } && former?.Status == QualityStatus.Fail)
        {
            return former with { EvaluatedAt = result.EvaluatedAt, Until = result.Until };
        }

        if (result.Status == QualityStatus.Fail && former?.Status != QualityStatus.Fail)
        {
            logger.QualityFails(result.Rule, result.Observed, result.Threshold, result.Violations);
        }
        else if (result.Status == QualityStatus.Pass && former?.Status == QualityStatus.Fail)
        {
            logger.QualityHolds(result.Rule);
        }

        return result;
    }
}
