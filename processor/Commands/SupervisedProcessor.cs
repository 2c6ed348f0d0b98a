using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary><c>processor run</c> as a child that is started again whenever it ends, until it is stopped.</summary>
internal sealed class SupervisedProcessor : IAsyncDisposable
{
    /// <summary>A processor that ends this soon again and again will not do better the next time.</summary>
    private static readonly TimeSpan TooSoon = TimeSpan.FromSeconds(10);

    private const int MostShortLives = 3;
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(40);
    private readonly CancellationTokenSource stop = new();
    private readonly DemoServers servers;
    private readonly string http;
    private readonly DemoView view;
    private readonly Task supervision;
    private ChildProcess child;

    public SupervisedProcessor(DemoServers servers, string http, DemoView view)
    {
        this.servers = servers;
        this.http = http;
        this.view = view;
        child = Launch();
        supervision = SuperviseAsync();
    }

    /// <summary>How often it was started again.</summary>
    public int Restarts { get; private set; }

    public int ProcessId => child.Id;

    /// <summary>Ends with a <see cref="SetupException"/> when starting it again is of no use.</summary>
    public Task Supervision => supervision;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await child.StopAsync(StopGrace);
        try
        {
            await supervision;
        }
        catch (SetupException)
        {
            // Whoever watched it has said so.
        }

        await child.DisposeAsync();
        stop.Dispose();
    }

    private ChildProcess Launch() => ChildProcess.StartSelf("processor", servers.RunArguments(http), servers.Log("processor"));

    private async Task SuperviseAsync()
    {
        var shortLives = 0;
        while (true)
        {
            var started = TimeProvider.System.GetTimestamp();
            try
            {
                await child.WaitForExitAsync(stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (stop.IsCancellationRequested)
            {
                return;
            }

            shortLives = TimeProvider.System.GetElapsedTime(started) < TooSoon ? shortLives + 1 : 0;
            var how = $"the processor ended with code {child.ExitCode}";
            if (!servers.HasRedis)
            {
                throw new SetupException($"{how}, and its positions were in its memory. Install redis-server to see it recover.\n{child.Tail}");
            }

            if (shortLives >= MostShortLives)
            {
                throw new SetupException($"{how}, {shortLives} times within {TooSoon.TotalSeconds:0} s. Its last lines:\n{child.Tail}");
            }

            view.Say($"{how}; starting it again: nothing is lost");
            await child.DisposeAsync();
            Restarts++;
            child = Launch();
        }
    }
}
