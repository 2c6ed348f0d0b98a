using System.Diagnostics;
using System.Globalization;
using Stockflow.Embedded;

namespace Stockflow.Benchmarks;

/// <summary>What the peer took.</summary>
/// <param name="Rate">Events a second, of the events after the warm-up, to the last one durable.</param>
/// <param name="Cpu">CPU seconds by process.</param>
/// <param name="Allocated">Bytes that it allocated, warm-up included.</param>
/// <param name="RedisBytes">Growth of Redis' data, bytes, warm-up included.</param>
/// <param name="Unchecked">Positions whose on-hand it can not have right, because of late counts and corrections.</param>
internal sealed record PeerFigures(double Rate, IReadOnlyDictionary<string, double> Cpu, double Allocated, double RedisBytes, int Unchecked);

/// <summary>Runs the <see cref="Peer"/> in a process of its own and checks its result.</summary>
internal static class PeerRun
{
    /// <summary>Events of a batch: to ClickHouse an event of 20,000 costs half as much again as one of 60,000, one of 5,000 nearly three times as much.</summary>
    private const int BatchEvents = 60_000;

    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(60), WarmWithin = TimeSpan.FromMinutes(5), DoneWithin = TimeSpan.FromMinutes(30);

    /// <param name="servers">Fresh ones.</param>
    /// <param name="name">Of its consumer group, keys and database.</param>
    /// <param name="load">The load, and what it must lead to.</param>
    /// <param name="token">Ends the run.</param>
    /// <exception cref="WrongResultException">It came to another result.</exception>
    public static async Task<PeerFigures> RunAsync(Servers servers, string name, PipelineLoad load, CancellationToken token)
    {
        using var sender = await load.OpenAsync(servers, token);
        var memory = servers.Redis.DataMemory;
        await using var peer = Hidden.Start("peer",
            [
                PeerCommand.Name, servers.Bootstrap, servers.Redis.Endpoint, servers.ClickHouseUrl.ToString(), name,
                load.Total.ToString(CultureInfo.InvariantCulture), BatchEvents.ToString(CultureInfo.InvariantCulture),
            ],
            Path.Combine(servers.Folder, "peer.log"));
        await peer.WaitForLineAsync(Peer.Ready, ReadyWithin, token);
        await sender.WarmUpAsync(sent => peer.WaitForLineAsync(Peer.Durable + sent.ToString(CultureInfo.InvariantCulture), WarmWithin, token), token);
        Hidden.Hold(peer.Id);
        try
        {
            await sender.SendRestAsync(token);
        }
        finally
        {
            Hidden.Continue(peer.Id);
        }

        var (before, started) = (servers.CpuSeconds("peer", peer.Id), Stopwatch.GetTimestamp());
        var results = (await peer.WaitForLineAsync(Peer.Done, DoneWithin, token)).Split(' ').Select(text => long.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        var rate = load.Events / Stopwatch.GetElapsedTime(started).TotalSeconds;
        var cpu = servers.CpuSeconds("peer", peer.Id).ToDictionary(pair => pair.Key, pair => pair.Value - before[pair.Key]);
        Report.Progress($"pipeline: peer: {rate:N0} events/s; checking the result");
        sender.ThrowIfRecordsAreGone();
        WrongResultException.ThrowUnlessEqual("the peer's accepted events", load.Expected.Accepted, results[0]);
        WrongResultException.ThrowUnlessEqual("the peer's duplicates", load.Expected.Duplicates, results[1]);
        WrongResultException.ThrowUnlessEqual("the peer's dead letters", load.Expected.DeadLetterCount, results[2]);
        await ResultCheck.VerifyHistoryAsync(servers, name, load.Expected, token);
        var history = await ResultCheck.FingerprintAsync(servers, name, token);
        if (history != load.History)
        {
            throw new WrongResultException($"the peer's rows are not those of the processor: {history} instead of {load.History}.");
        }

        var redisBytes = servers.Redis.DataMemory - memory;
        var left = await PeerCheck.Of(load.Options).VerifyAsync(servers.Redis.Database, name, load.Expected, load.Catalog);
        return new PeerFigures(rate, cpu, results[3], redisBytes, left);
    }
}
