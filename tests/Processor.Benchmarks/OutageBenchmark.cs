using System.Diagnostics;
using System.Globalization;
using System.Text;
using Stockflow.Embedded;

namespace Stockflow.Benchmarks;

/// <summary>The processor's memory while a sink is away under load, and whether everything is right afterwards.</summary>
internal static class OutageBenchmark
{
    private const string Name = "outage";
    private const double MiB = 1 << 20;

    /// <summary>
    /// What may be added to the records in flight: the queues of two Kafka consumers (queued.max.messages.kbytes, 64 MiB each), the inserts
    /// that are being written and those that wait, the collector's slack.
    /// </summary>
    private const double AllowanceMegabytes = 512;

    /// <summary>Memory that an applied event takes within the deduplication horizon, at most: 24 bytes a slot, three slots of eight in use.</summary>
    private const double FingerprintBytes = 64;

    private static readonly TimeSpan LongEnough = TimeSpan.FromHours(4), Stalled = TimeSpan.FromSeconds(180);

    /// <summary>How long after the stop an answer may still be on its way.</summary>
    private const double SettlingSeconds = 3;

    /// <returns>The report, Markdown.</returns>
    /// <exception cref="WrongResultException">Memory went beyond its bound, or a result is wrong.</exception>
    public static async Task<string> RunAsync(OutageOptions options, CancellationToken token)
    {
        var partitions = options.TopicPartitions();
        Report.Progress($"outage of {options.Sink}: starting Kafka listener with {partitions} partitions, Redis and ClickHouse");
        await using var servers = await Servers.StartAsync(partitions, token);
        // Few events go to each partition: longer batches than usual spare the listener.
        using var producer = await Preload.OpenAsync(servers.Bootstrap, options.Generator(), token, options.EventsPerSecond, lingerMilliseconds: 200);
        var references = await producer.SendReferenceAsync(token);
        var count = new IndependentCount(producer.Catalog);
        await using var run = ProcessorRun.Start(servers, Name, "--kafka.in-flight-megabytes", options.InFlightMegabytes.ToString(CultureInfo.InvariantCulture));
        await run.WaitUntilReadyAsync(token);

        var samples = new OutageSamples(run, producer, references, options.Minutes > 2 ? 20 : 5);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(token);
        var producing = Task.Run(() => producer.SendMovementsAsync(count, enough.Token), CancellationToken.None);
        bool HasProducerEnded() => producing.IsCompleted;

        await samples.WatchAsync(TimeSpan.FromSeconds(options.BeforeSeconds), HasProducerEnded, token);
        var epochs = samples.Status.Lanes.ToDictionary(lane => lane.Partition, lane => lane.Epoch);
        var busyBefore = MachineCpu.Read();
        await samples.WatchAsync(TimeSpan.FromSeconds(Math.Min(20, options.BeforeSeconds)), HasProducerEnded, token);
        var busy = MachineCpu.BusyShare(busyBefore, MachineCpu.Read());

        Report.Progress($"{options.Sink} is stopped for {options.Outage.TotalSeconds:0} s");
        Stop(servers, options.Sink);
        samples.Enter(OutagePhase.Outage);
        await samples.WatchAsync(options.Outage, HasProducerEnded, token);
        var starting = StartAgainAsync(servers, options.Sink, token);
        await samples.WatchAsync(LongEnough, () => starting.IsCompleted, token);
        await starting;
        var back = Stopwatch.GetTimestamp();
        Report.Progress($"{options.Sink} is back");
        samples.Enter(OutagePhase.After);
        await samples.WatchAsync(TimeSpan.FromSeconds(options.AfterSeconds), HasProducerEnded, token);
        await enough.CancelAsync();
        await producing;
        Report.Progress($"the producer has stopped after {producer.Sent:N0} events");
        await CatchUpAsync(samples, producer, token);
        var catchUp = Stopwatch.GetElapsedTime(back);

        Report.Progress("checking the result");
        ResultCheck.ThrowIfRecordsAreGone(servers, producer);
        await ResultCheck.VerifyAsync(servers, Name, count.Result(), token);
        ThrowIfOwnershipChanged(samples, epochs);
        ThrowUnlessPositionsDidAsTheyShould(options.Sink, samples);
        return Summarise(options, partitions, producer, samples, busy, catchUp);
    }

    private static void Stop(Servers servers, OutageSink sink)
    {
        if (sink == OutageSink.ClickHouse)
        {
            servers.KillClickHouse();
        }
        else
        {
            servers.Redis.Stop();
        }
    }

    private static async Task StartAgainAsync(Servers servers, OutageSink sink, CancellationToken token)
    {
        if (sink == OutageSink.ClickHouse)
        {
            await servers.RestartClickHouseAsync(token);
        }
        else
        {
            servers.Redis.Continue();
        }
    }

    private static async Task CatchUpAsync(OutageSamples samples, LoadProducer producer, CancellationToken token)
    {
        long Durable() => samples.Status.Lanes.Sum(lane => Math.Max(0, lane.DurableOffset));
        bool IsDone() => Durable() >= producer.Sent && samples.Latest is { Lag: 0, Gap: 0, Unsettled: 0 };
        (long, long, long) Progress() => (Durable(), samples.Latest.Applied, samples.Latest.Unsettled);

        var (progress, moved) = (Progress(), Stopwatch.GetTimestamp());
        await samples.WatchAsync(LongEnough, () =>
        {
            if (Progress() != progress)
            {
                (progress, moved) = (Progress(), Stopwatch.GetTimestamp());
            }

            return IsDone() || Stopwatch.GetElapsedTime(moved) > Stalled;
        }, token);
        if (!IsDone())
        {
            throw new WrongResultException($"{Durable():N0} of {producer.Sent:N0} events are durable, {samples.Latest.Unsettled:N0} late counts are not settled, and nothing has moved for {Stalled.TotalSeconds:0} s.");
        }
    }

    // A processor that stops polling, or gives its lanes up because a sink is away, would take new epochs.
    private static void ThrowIfOwnershipChanged(OutageSamples samples, Dictionary<int, long> epochs)
    {
        if (samples.Status.Lanes.FirstOrDefault(lane => epochs.GetValueOrDefault(lane.Partition) != lane.Epoch) is { } lane)
        {
            throw new WrongResultException($"the lane of partition {lane.Partition} was opened anew: its epoch was {epochs.GetValueOrDefault(lane.Partition)} and is {lane.Epoch}.");
        }
    }

    private static void ThrowUnlessPositionsDidAsTheyShould(OutageSink sink, OutageSamples samples)
    {
        var outage = samples.Of(OutagePhase.Outage).ToArray();
        var begin = outage[0].Seconds;
        var settled = outage.Where(sample => sample.Seconds > begin + SettlingSeconds).ToArray();
        if (sink == OutageSink.Redis && settled[^1].Applied != settled[0].Applied)
        {
            throw new WrongResultException($"{settled[^1].Applied - settled[0].Applied:N0} events count as applied while Redis stood still.");
        }

        if (sink == OutageSink.ClickHouse && outage[^1].Applied == outage[outage.Length / 2].Applied)
        {
            throw new WrongResultException("positions stood still in the second half of the outage; they must go on without ClickHouse.");
        }
    }

    private static string Summarise(OutageOptions options, int partitions, LoadProducer producer, OutageSamples samples, double busy, TimeSpan catchUp)
    {
        var before = samples.Of(OutagePhase.Before).ToArray();
        var outage = samples.Of(OutagePhase.Outage).ToArray();
        var late = before.Where(sample => sample.Seconds >= before[^1].Seconds - 20).ToArray();
        var rate = (late[^1].Applied - late[0].Applied) / (late[^1].Seconds - late[0].Seconds);
        var applied = outage[^1].Applied - before[^1].Applied;
        var (memoryBefore, memoryDuring) = (before.Max(sample => sample.Resident) / MiB, outage.Max(sample => sample.Resident) / MiB);
        var memoryAfter = samples.Of(OutagePhase.After).Max(sample => sample.Resident) / MiB;
        var fingerprints = applied * FingerprintBytes / MiB;
        var bound = memoryBefore + options.InFlightMegabytes + fingerprints + AllowanceMegabytes;
        var largestLag = outage.Max(sample => sample.Lag);

        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} cores, {producer.Sent:N0} events, {partitions} partitions; {options.Sink} away for {options.Outage.TotalSeconds:0} s.");
        text.AppendLine();
        text.AppendLine("| measure | value | note |");
        text.AppendLine("|---|---:|---|");
        Row("producer, events/s", options.EventsPerSecond, "all the time");
        Row("applied before the outage, events/s", rate, $"last 20 s; the machine's cores {busy:P0} busy; lag {before[^1].Lag:N0}");
        Row("resident MiB before, at most", memoryBefore, "");
        Row("resident MiB during the outage, at most", memoryDuring, $"at its end {outage[^1].Resident / MiB:N0}");
        Row("resident MiB after, at most", memoryAfter, $"at the end {samples.Latest.Resident / MiB:N0}");
        Row("bound of the outage, MiB", bound, $"before + kafka.inFlightMegabytes {options.InFlightMegabytes} + fingerprints of what was applied {fingerprints:N0} + {AllowanceMegabytes:N0}");
        Row("events applied during the outage", applied, options.Sink == OutageSink.Redis ? "the last commits under way" : "positions go on");
        Row("largest position lag, events", largestLag, $"{largestLag / options.EventsPerSecond:0.0} s of the producer");
        Row("largest history gap, events", samples.Taken.Max(sample => sample.Gap), "read again from Kafka");
        Row("seconds until all was caught up", catchUp.TotalSeconds, $"{options.AfterSeconds} s of them with the producer on");
        text.AppendLine();
        text.Append("Correct: every log is whole; counts, history rows and positions equal the independent count; no lane changed hands.");
        if (memoryDuring > bound || memoryAfter > bound)
        {
            throw new WrongResultException($"memory went beyond its bound.\n{text}");
        }

        return text.ToString();

        void Row(string measure, double value, string note) =>
            text.AppendLine(CultureInfo.InvariantCulture, $"| {measure} | {value:N0} | {note} |");
    }
}
