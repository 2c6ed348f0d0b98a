using System.Globalization;
using System.Text;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Commands;

/// <summary>What became of one lane.</summary>
internal readonly record struct RebuiltLane(long Offset, long Positions, long Fingerprints);

/// <summary>
/// Rebuilds one lane after another: fills its next generation from the ledger as of the offset that the group has committed, reads it back,
/// switches, and frees the former one, so that Redis holds one lane twice at most.
/// </summary>
internal sealed class LaneRebuild(
    ProcessorOptions options, int partitions, GroupOffsets offsets, LedgerSnapshot ledger, RedisRebuild redis, IPositionStore store, TextWriter output, TimeProvider time)
{
    /// <summary>A server that goes away costs the lane at work, not the lanes that are done.</summary>
    private const int Attempts = 3;
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromSeconds(3);

    /// <summary>Null where there is nothing to rebuild the lane from.</summary>
    /// <exception cref="SetupException">The lane can not be rebuilt; it was not touched.</exception>
    /// <param name="partition">The lane.</param>
    /// <param name="asOf">Offset to fill it as of; the group's committed one where it is null.</param>
    public async Task<RebuiltLane?> RunAsync(int partition, long? asOf, CancellationToken token)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryAsync(partition, asOf, token);
            }
            catch (StoreUnavailableException e) when (attempt < Attempts)
            {
                await output.WriteLineAsync($"partition {partition}: {e.Message} Starts again.");
                await Task.Delay(BetweenAttempts, time, token);
            }
        }
    }

    /// <summary>Where the lane stands, if it can be rebuilt; says why if not.</summary>
    /// <exception cref="SetupException">The offsets speak of another log.</exception>
    public async Task<PartitionOffsets?> PlanAsync(int partition, CancellationToken token)
    {
        var place = await offsets.ReadAsync(partition);
        if (place.Committed > place.End)
        {
            throw new SetupException($"Partition {partition}: the group has committed offset {place.Committed}, but the log ends at {place.End}. The topic was made anew, or records were lost; the ledger's offsets do not belong to this log.");
        }

        if (place.Committed >= 0)
        {
            if (place.First > place.Committed)
            {
                await output.WriteLineAsync($"partition {partition}: warning: the log begins at {place.First}, above the committed offset {place.Committed}; the processor will refuse to skip the records between");
            }

            return place;
        }

        var contents = await GuardAsync(() => ledger.ContentsAsync(AsOf(partition, long.MaxValue), token));
        await output.WriteLineAsync(contents.Rows == 0
            ? $"partition {partition}: nothing committed, nothing to rebuild"
            : $"partition {partition}: the group {options.Kafka.GroupId} has committed nothing, but the ledger has {contents.Rows:N0} rows of it up to offset {contents.LastOffset}; not rebuilt, the processor reads it from the log's start. Is kafka.groupId right?");
        return null;
    }

    /// <summary>Says what a rebuild would do.</summary>
    public async Task PreviewAsync(int partition, CancellationToken token)
    {
        if (await PlanAsync(partition, token) is { } place)
        {
            var contents = await GuardAsync(() => ledger.ContentsAsync(AsOf(partition, place.Committed), token));
            await output.WriteLineAsync(Text($"partition {partition}: as of offset {place.Committed}: {contents.Positions:N0} positions from {contents.Rows:N0} movements; {place.End - place.Committed:N0} records to read after the switch"));
        }
    }

    private async Task<RebuiltLane?> TryAsync(int partition, long? asOf, CancellationToken token)
    {
        var lane = await redis.ClaimAsync(partition, token);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(token);
        var keeping = redis.KeepAsync(lane, done.Token);
        var switched = false;
        try
        {
            // Read under the claim: what another rebuild did before is behind it.
            if ((asOf ?? (await PlanAsync(partition, token))?.Committed) is not { } offset)
            {
                return null;
            }

            var started = time.GetTimestamp();
            await output.WriteLineAsync($"partition {partition}: fills from the ledger as of offset {offset}");
            await GuardAsync(() => FillAsync(lane, AsOf(partition, offset), token));
            await lane.VerifyAsync();
            await store.PinPartitionsAsync(options.Kafka.Topic, partitions, token);
            token.ThrowIfCancellationRequested();
            await lane.SwitchAsync();
            switched = true;
            await lane.UnlinkFormerAsync();
            await output.WriteLineAsync(Text($"partition {partition}: switched: {lane.Positions:N0} positions, {lane.Fingerprints:N0} fingerprints, goes on at offset {offset} ({time.GetElapsedTime(started).TotalSeconds:N1} s)"));
            return new RebuiltLane(offset, lane.Positions, lane.Fingerprints);
        }
        finally
        {
            await done.CancelAsync();
            await keeping;
            if (!switched)
            {
                await TryDropAsync(lane);
            }
        }
    }

    private async Task<bool> FillAsync(LaneGeneration lane, LaneAsOf asOf, CancellationToken token)
    {
        var told = time.GetTimestamp();
        await foreach (var position in ledger.PositionsAsync(asOf, token))
        {
            if (Murmur2.Partition(Encoding.UTF8.GetBytes(position.SkuId), partitions) is var home && home != asOf.Partition)
            {
                throw new SetupException($"SKU {position.SkuId} stands in the ledger under partition {asOf.Partition}, but of {partitions} partitions it belongs to {home}: the topic had another number of partitions. Give it its former number.");
            }

            await lane.AddAsync(position with { State = position.State with { Version = MarkVersion(position.State.Version, asOf.Offset) } });
            await TellAsync();
        }

        var dedupe = options.Dedupe;
        var oldest = (time.GetUtcNow().ToUnixTimeSeconds() / dedupe.BucketSeconds) - (long)Math.Ceiling(dedupe.HorizonHours * 3600 / dedupe.BucketSeconds);
        await foreach (var (recordedTs, entry) in ledger.SeenAsync(asOf, oldest * dedupe.BucketSeconds * 1000, token))
        {
            await lane.AddSeenAsync(recordedTs / 1000 / dedupe.BucketSeconds, entry);
            await TellAsync();
        }

        await lane.CompleteAsync(asOf.Offset, await ledger.WatermarksAsync(asOf, token), await ledger.HeldAsync(asOf, token));
        return true;

        async ValueTask TellAsync()
        {
            if (time.GetElapsedTime(told) >= ProgressInterval)
            {
                told = time.GetTimestamp();
                await output.WriteLineAsync(Text($"partition {asOf.Partition}: {lane.Positions:N0} positions, {lane.Fingerprints:N0} fingerprints so far"));
            }
        }
    }

    /// <summary>
    /// A version above those that readers hold as the position's mark: a change takes an offset, and a settlement follows a change, so the
    /// former versions are below twice the offset.
    /// </summary>
    internal static long MarkVersion(long changes, long offset) => changes + (2 * offset);

    private LaneAsOf AsOf(int partition, long offset) => new(options.Kafka.Topic, partition, offset);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static async Task TryDropAsync(LaneGeneration lane)
    {
        try
        {
            await lane.DropAsync();
        }
        catch (StoreUnavailableException)
        {
            // A later rebuild sweeps it.
        }
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (ClickHouseException e)
        {
            throw new StoreUnavailableException("ClickHouse: " + e.Message, e);
        }
    }
}
