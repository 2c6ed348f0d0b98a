using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Stockflow.Embedded;

namespace Stockflow.Benchmarks;

/// <summary>The producer of a rate run, a process of its own, and how far it is.</summary>
internal sealed class LoadProcess : IAsyncDisposable
{
    private const string Name = "load", Line = "load: ";

    /// <summary>Records of a partition that may wait to be durable: more than 4 MiB of the 5 that the listener keeps, at 190 bytes each.</summary>
    private const int MostAhead = 24_000;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100), Silent = TimeSpan.FromSeconds(30);
    private readonly ChildProcess child;
    private readonly CancellationTokenSource stop = new();
    private long sent;
    private double waited;

    private LoadProcess(ChildProcess child)
    {
        this.child = child;
        Completion = Task.Run(FollowAsync);
    }

    /// <summary>Ends when everything has been sent.</summary>
    public Task Completion { get; }

    public int Id => child.Id;

    /// <summary>Events handed to the Kafka client.</summary>
    public long Sent => Volatile.Read(ref sent);

    /// <summary>Seconds that it stood still because the listener would have dropped records that were not durable.</summary>
    public double WaitedSeconds => Volatile.Read(ref waited);

    /// <summary>Sends the load's reference records, from this process.</summary>
    public static async Task SendReferencesAsync(Servers servers, GeneratorOptions load, CancellationToken token)
    {
        using var producer = await Preload.OpenAsync(servers.Bootstrap, load, token);
        await producer.SendReferenceAsync(token);
    }

    /// <summary>Starts to send.</summary>
    public static LoadProcess Start(Servers servers, string group, GeneratorOptions load, double rate, double seconds) => new(Hidden.Start(Name,
        [Name, servers.Bootstrap, group, rate.ToString(CultureInfo.InvariantCulture), seconds.ToString(CultureInfo.InvariantCulture), JsonSerializer.Serialize(load)],
        Path.Combine(servers.Folder, "load.log")));

    /// <exception cref="Model.SetupException">The process ended before it was done.</exception>
    public Task ThrowIfFailedAsync() => Completion.IsFaulted ? Completion : Task.CompletedTask;

    /// <summary><c>bench load</c>; not for people.</summary>
    public static Command CreateCommand() => Hidden.Create(Name, "Sends a load at a fixed rate.", (values, token) =>
        SendAsync(values[0], values[1], double.Parse(values[2], CultureInfo.InvariantCulture),
            double.Parse(values[3], CultureInfo.InvariantCulture), JsonSerializer.Deserialize<GeneratorOptions>(values[4])!, token));

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await child.DisposeAsync();
        stop.Dispose();
    }

    private static async Task SendAsync(string bootstrap, string group, double rate, double seconds, GeneratorOptions load, CancellationToken token)
    {
        using var producer = await Preload.OpenAsync(bootstrap, load, token, rate, seconds);
        using var brake = new LagBrake(bootstrap, Servers.Topic, group, producer.Partitions);
        var (since, waited) = (0L, 0.0);
        producer.SendLimit = partition =>
        {
            var limit = brake.CommittedOf(partition) + MostAhead;
            if (producer.SentTo(partition) >= limit)
            {
                since = since == 0 ? Stopwatch.GetTimestamp() : since;
            }
            else if (since > 0)
            {
                Volatile.Write(ref waited, waited + Stopwatch.GetElapsedTime(since).TotalSeconds);
                since = 0;
            }

            return limit;
        };
        using (new Timer(_ => Print(), null, Interval, Interval))
        {
            await producer.SendMovementsAsync(null, token);
        }

        Print(" done");

        void Print(string end = "") =>
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Line}{producer.Sent} {Volatile.Read(ref waited)}{end}"));
    }

    private async Task FollowAsync()
    {
        while (true)
        {
            var words = (await child.WaitForLineAsync(Line, Silent, stop.Token)).Split(' ');
            Volatile.Write(ref waited, double.Parse(words[1], CultureInfo.InvariantCulture));
            Volatile.Write(ref sent, Math.Max(Sent, long.Parse(words[0], CultureInfo.InvariantCulture)));
            if (words.Length > 2)
            {
                return;
            }
        }
    }
}
