namespace Stockflow.History;

/// <summary>Exponential backoff with jitter: the n-th wait lies between half and all of min(longest, first * 2^n).</summary>
/// <param name="time">Clock of the waits.</param>
/// <param name="random">Gives numbers from 0 up to 1.</param>
public sealed class RetryPolicy(ClickHouseOptions options, TimeProvider time, Func<double> random)
{
    /// <summary>Runs <paramref name="attempt"/> until it succeeds, fails for good or has used its attempts.</summary>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> attempt, CancellationToken token)
    {
        for (var retry = 0; ; retry++)
        {
            try
            {
                return await attempt(token);
            }
            catch (ClickHouseException failure) when (failure.IsTransient && retry < options.MaxRetries)
            {
                await Task.Delay(Delay(retry), time, token);
            }
        }
    }

    /// <summary>How long to wait before retry number <paramref name="retry"/>, counted from 0.</summary>
    public TimeSpan Delay(int retry)
    {
        var ceiling = Math.Min(options.RetryLongestMilliseconds, options.RetryFirstMilliseconds * Math.Pow(2, retry));
        // At least half of the ceiling, so that many clients spread out and none hammers.
        return TimeSpan.FromMilliseconds(ceiling * (0.5 + (random() / 2)));
    }
}
