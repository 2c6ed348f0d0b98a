using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>One load, sent in two parts to each round's own servers: what warms a process up, and what it is measured by.</summary>
internal sealed class PipelineLoad
{
    /// <summary>Events of the warm-up at most.</summary>
    private const long MostWarmEvents = 1_000_000;

    /// <summary>
    /// Parts of the warm-up. The runtime compiles a hot method anew after some calls and when nothing new has been called for a while, so
    /// one burst leaves a process with slow code.
    /// </summary>
    private const int WarmBursts = 3;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(0.5);

    public PipelineLoad(BenchmarkOptions options)
    {
        (WarmEvents, Events) = (Math.Min(MostWarmEvents, options.Events), options.Events);
        Options = options.Generator(Total);
        Catalog = new GeneratorCatalog(Options);
        var count = new IndependentCount(Catalog);
        Report.Progress($"counting what {Total:N0} events must lead to");
        var generator = new Generator(Options, Catalog);
        while (generator.TryNext(out var fact))
        {
            count.Add(in fact);
        }

        Expected = count.Result();
    }

    /// <summary>Settings with which a process may be held still while the topic fills, and stays in its consumer group.</summary>
    public static string[] SessionSettings => ["--kafka.session-timeout-milliseconds", "120000"];

    public GeneratorOptions Options { get; }

    public GeneratorCatalog Catalog { get; }

    public long WarmEvents { get; }

    /// <summary>Events that are measured.</summary>
    public long Events { get; }

    /// <summary>Those of the warm-up too.</summary>
    public long Total => WarmEvents + Events;

    public IndependentResult Expected { get; }

    /// <summary>Fingerprint of the history that the processor made of it.</summary>
    public string History { get; set; } = "";

    /// <summary>Sends the reference records and is ready to send the load.</summary>
    public async Task<Sender> OpenAsync(Servers servers, CancellationToken token)
    {
        var producer = await Preload.OpenAsync(servers.Bootstrap, Options, token);
        await producer.SendReferenceAsync(token);
        return new Sender(servers, producer, WarmEvents);
    }

    /// <summary>The load on its way to one topic.</summary>
    public sealed class Sender(Servers servers, LoadProducer producer, long warmEvents) : IDisposable
    {
        /// <summary>Events sent so far.</summary>
        public long Sent => producer.Sent;

        /// <summary>Sends the warm-up in bursts, each when the one before has been worked off, and has its rows merged.</summary>
        /// <param name="workOff">Ends when that many events of the topic are durable.</param>
        /// <param name="token">Ends the run.</param>
        public async Task WarmUpAsync(Func<long, Task> workOff, CancellationToken token)
        {
            for (var burst = 1; burst <= WarmBursts; burst++)
            {
                await SendUntilAsync(warmEvents * burst / WarmBursts, token);
                await workOff(Sent);
                await Task.Delay(Pause, token);
            }

            await servers.MergeAsync(token);
        }

        public async Task SendRestAsync(CancellationToken token)
        {
            await producer.SendMovementsAsync(null, token);
            token.ThrowIfCancellationRequested();
        }

        private async Task SendUntilAsync(long total, CancellationToken token)
        {
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(token);
            producer.SendLimit = _ =>
            {
                if (producer.Sent >= total - 1)
                {
                    enough.Cancel();
                }

                return long.MaxValue;
            };
            await producer.SendMovementsAsync(null, enough.Token);
            token.ThrowIfCancellationRequested();
            producer.SendLimit = null;
        }

        /// <exception cref="WrongResultException">The listener has dropped some.</exception>
        public void ThrowIfRecordsAreGone() => ResultCheck.ThrowIfRecordsAreGone(servers, producer);

        public void Dispose() => producer.Dispose();
    }
}
