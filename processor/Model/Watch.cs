namespace Stockflow.Model;

/// <summary>Something that is looked at again and again in the background.</summary>
internal static class Watch
{
    /// <summary>Looks, waits for as long as the look says, and looks again until <paramref name="token"/> ends; a task that ends before ends the process.</summary>
    public static async Task RunAsync(Func<Task<TimeSpan>> look, TimeProvider time, CancellationToken token)
    {
        try
        {
            while (true)
            {
                await Task.Delay(await look(), time, token);
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            // The process stops.
        }
    }
}
