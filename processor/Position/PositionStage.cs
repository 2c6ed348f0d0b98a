using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Position;

/// <summary>
/// Applies a lane's accepted movements to its positions and commits each batch to the store in one atomic step. The lane is the only
/// writer of its positions, so it keeps them in memory and writes absolute values.
/// </summary>
public sealed class PositionStage(
    PositionOptions options, IPositionStore store, ILedgerReader ledger, LaneStatus status, IdTable ids, TimeProvider time,
    ILogger logger)
{
    private const int SampleEvery = 16;

    /// <summary>How many records before its own a position is fetched; where it stands is fetched as many records before that.</summary>
    private const int Ahead = 8;

    private static readonly TimeSpan IdleCheck = TimeSpan.FromSeconds(4);
    private readonly PositionCache cache = new();
    private readonly List<int> missing = [];
    private readonly List<int> dirty = [];
    private readonly List<Settlements.Answer> answers = [];
    private readonly RecentMovements recent = new();

    // Of each record of the batch in work: the place of its position.
    private int[] places = [];
    private Settlements settlements = null!;
    private LaneCommit commit = null!;
    private readonly int commands = ids.Intern(System.Text.Encoding.UTF8.GetBytes(StockMove.SourceSystem));
    private int untilSample;
    private long lastCommit = time.GetTimestamp();

    // A lane that the store has no record of has no positions either, and only this lane writes them: what is not in memory is new.
    private bool holdsAll;

    /// <summary>Called when a settlement's answer waits, from any thread; the lane must then pass an empty batch through.</summary>
    public Action Wake { get; set; } = static () => { };

    /// <summary>Told after each call to the store whether it answered.</summary>
    public Action<bool> Connected { get; set; } = static _ => { };

    /// <summary>Takes up a lane where the store stands; <paramref name="nextOffset"/> is the offset of its first new record.</summary>
    public void Open(LaneRecord lane, long nextOffset, CancellationToken token)
    {
        commit = new LaneCommit
        {
            Partition = status.Partition,
            Epoch = lane.Epoch,
            ExpectedOffset = lane.NextOffset,
            Revision = lane.Revision,
            Ids = ids,
        };
        settlements = new Settlements(ledger, status, ids, recent, time, logger);
        status.NextOffset = nextOffset;
        holdsAll = lane.NextOffset < 0;
        foreach (var key in lane.Unsettled)
        {
            settlements.Open(Intern(key.SkuId), key.LocationId.Length == 0 ? Settlements.Corrected : Intern(key.LocationId), 0);
        }

        foreach (var sku in lane.Held)
        {
            settlements.Resume(Intern(sku));
        }

        settlements.Ask(nextOffset, commit);
        status.Unsettled = settlements.Count;
        settlements.Start(() => Wake(), token);
    }

    /// <summary>Applies the records from the lane's next offset on. Waits, for as long as it takes, for a store that does not answer.</summary>
    /// <exception cref="LaneLostException">The store refused the lane's epoch or offset.</exception>
    public async Task ApplyAsync(RecordBatch batch, Action<LaneCommit> complete, CancellationToken token)
    {
        if (settlements.Asking.IsFaulted)
        {
            await settlements.Asking;
        }

        if (cache.Count > options.CachedPositionsPerLane)
        {
            cache.Clear();
            holdsAll = false;
        }

        await LoadMissingAsync(batch, token);
        var from = status.NextOffset;
        for (var i = 0; i < batch.Count; i++)
        {
            if (i + Ahead < batch.Count)
            {
                recent.Prefetch(batch.Movements[i + Ahead].Fingerprint);
            }

            if (batch.Verdicts[i] != Verdict.Accepted || batch.Records[i].Offset < from)
            {
                continue;
            }

            commit.Seen.Add(new SeenEntry(batch.Movements[i].Fingerprint, batch.Records[i].Offset));
            if (batch.Movements[i].Source == commands)
            {
                commit.CommandEvents.Add(batch.Bytes(batch.Movements[i].EventId).ToArray());
            }

            if (!batch.Movements[i].Stocked)
            {
                continue;
            }

            if (batch.Movements[i].Type == MovementType.Correction)
            {
                ApplyCorrection(batch, i);
                continue;
            }

            recent.Add(batch.Movements[i]);
            Apply(ref batch.Movements[i], places[i], batch.Records[i].Offset, batch.NextOffset);
            if (settlements.TryMeet(batch.Movements[i], commit, out var early))
            {
                Apply(ref early, places[i], batch.Records[i].Offset, batch.NextOffset);
            }
        }

        commit.NextOffset = Math.Max(batch.NextOffset, from);
        foreach (var answer in answers)
        {
            settlements.Settle(answer, State, commit);
        }

        settlements.Ask(commit.NextOffset, commit);
        foreach (var place in dirty)
        {
            ref var entry = ref cache[place];
            status.NegativeOnHand += entry.State.OnHand < 0 && !entry.WasNegative ? 1 : 0;
            commit.Positions.Add(new PositionWrite(entry.Sku, entry.Location, entry.State));
        }

        // What a commit carries besides positions is taken from other stages for good, so they are asked only when it is sent.
        if (IsDue())
        {
            complete(commit);
            await CommitAsync(token);
        }

        foreach (var place in dirty)
        {
            cache[place].IsDirty = false;
        }

        dirty.Clear();
        commit.Clear();
        (status.Unsettled, status.Held) = (settlements.Count, settlements.Held);
        batch.RecordedTs = time.GetUtcNow().ToUnixTimeMilliseconds();
        ObserveFreshness(batch, from);
        status.AppliedTs = batch.Count > 0 ? batch.Records[batch.Count - 1].BrokerTs : status.AppliedTs;
        status.NextOffset = commit.ExpectedOffset = commit.NextOffset;
    }

    private void ApplyCorrection(RecordBatch batch, int i)
    {
        ref var correction = ref batch.Movements[i];
        var offset = batch.Records[i].Offset;
        if (TryAmend(batch, i, out var amendment))
        {
            Apply(ref amendment, Loaded(amendment.Sku, amendment.Location), offset, batch.NextOffset);
            return;
        }

        // It acts on the place and the time of what it corrects, which the ledger knows.
        settlements.NoteCorrection(correction, Target(batch, i), offset, batch.NextOffset);
    }

    private bool TryAmend(RecordBatch batch, int i, out Movement amendment)
    {
        ref var correction = ref batch.Movements[i];
        amendment = default;
        return correction.QtyDelta != 0 && recent.TryAmend(correction, Target(batch, i), out amendment);
    }

    private static UInt128 Target(RecordBatch batch, int i) => SipHash128.Hash(batch.Bytes(batch.Movements[i].CorrectsEventId));

    private void Apply(ref Movement movement, int place, long offset, long batchEnd)
    {
        settlements.Note(movement, offset, batchEnd);
        if (!PositionRules.Apply(ref Touch(place).State, movement))
        {
            settlements.OpenCount(movement);
        }

        if (movement.Counterpart >= 0 && movement.Type is MovementType.TransferOut or MovementType.TransferIn)
        {
            PositionRules.ApplyCounterpart(ref Touch(Loaded(movement.Sku, movement.Counterpart)).State, movement);
        }
    }

    private ref PositionState State(int sku, int location) => ref Touch(Loaded(sku, location)).State;

    private async Task LoadMissingAsync(RecordBatch batch, CancellationToken token)
    {
        FindPlaces(batch);
        answers.Clear();
        while (settlements.Answers.TryDequeue(out var answer))
        {
            answers.Add(answer);
            foreach (var location in answer.Locations)
            {
                Place(answer.Sku, location);
            }
        }

        if (missing.Count == 0 || holdsAll)
        {
            missing.Clear();
            return;
        }

        var states = new PositionState[missing.Count];
        var keys = missing.ConvertAll(place => (cache[place].Sku, cache[place].Location)).ToArray();
        await RetryAsync(async () =>
        {
            await store.LoadAsync(status.Partition, ids, keys, states, token);
            return true;
        }, token);
        for (var i = 0; i < keys.Length; i++)
        {
            cache[missing[i]].State = states[i];
        }

        missing.Clear();
    }

    private void FindPlaces(RecordBatch batch)
    {
        if (places.Length < batch.Count)
        {
            places = new int[batch.Records.Length];
        }

        for (var i = 0; i < batch.Count; i++)
        {
            if (i + Ahead + Ahead < batch.Count)
            {
                ref var far = ref batch.Movements[i + Ahead + Ahead];
                cache.Prefetch(far.Sku, far.Location);
                ref var near = ref batch.Movements[i + Ahead];
                cache.PrefetchEntry(near.Sku, near.Location);
            }

            ref var movement = ref batch.Movements[i];
            if (batch.Verdicts[i] != Verdict.Accepted || !movement.Stocked || batch.Records[i].Offset < status.NextOffset)
            {
                continue;
            }

            if (movement.Type != MovementType.Correction)
            {
                places[i] = PlaceBoth(movement);
            }
            else if (TryAmend(batch, i, out var amendment))
            {
                PlaceBoth(amendment);
            }
        }
    }

    private int PlaceBoth(in Movement movement)
    {
        if (movement.Counterpart >= 0)
        {
            Place(movement.Sku, movement.Counterpart);
        }

        return Place(movement.Sku, movement.Location);
    }

    private int Place(int sku, int location)
    {
        var place = cache.Place(sku, location, out var isNew);
        if (isNew)
        {
            missing.Add(place);
        }

        return place;
    }

    // All that a batch touches was found before it is applied.
    private int Loaded(int sku, int location)
    {
        var place = cache.Place(sku, location, out var isNew);
        return isNew ? throw new InvalidOperationException($"The position of {ids.Text(sku)} at {ids.Text(location)} was not loaded.") : place;
    }

    private ref PositionCache.Entry Touch(int place)
    {
        ref var entry = ref cache[place];
        if (!entry.IsDirty)
        {
            entry.IsDirty = true;
            entry.WasNegative = entry.State.OnHand < 0;
            dirty.Add(place);
        }

        return ref entry;
    }

    // An idle lane asks now and then all the same: the store may have lost its tail, or belong to another owner.
    private bool IsDue() => commit.NextOffset != commit.ExpectedOffset || commit.Positions.Count > 0 || commit.Settlements.Count > 0 ||
        time.GetElapsedTime(lastCommit) >= IdleCheck;

    private async Task CommitAsync(CancellationToken token)
    {
        var started = lastCommit = time.GetTimestamp();
        var outcome = await RetryAsync(() => store.CommitAsync(commit, token), token);
        status.CommitSeconds = time.GetElapsedTime(started).TotalSeconds;
        Metrics.CommitDuration.Record(status.CommitSeconds);
        LaneLostException.ThrowUnless(outcome, status.Partition);
        commit.Revision++;
    }

    private int Intern(string id) => ids.Intern(System.Text.Encoding.UTF8.GetBytes(id));

    private async Task<T> RetryAsync<T>(Func<Task<T>> call, CancellationToken token)
    {
        for (var wait = TimeSpan.FromMilliseconds(50); ; wait = TimeSpan.FromMilliseconds(Math.Min(5000, wait.TotalMilliseconds * 2)))
        {
            try
            {
                var answer = await call();
                Connected(true);
                return answer;
            }
            catch (StoreUnavailableException e)
            {
                Connected(false);
                logger.PositionsUnavailable(status.Partition, e.Message);
                await Task.Delay(wait, time, token);
            }
        }
    }

    // One event in 16 stands for all: a histogram call an event would cost as much as its duplicate check.
    private void ObserveFreshness(RecordBatch batch, long from)
    {
        for (var i = untilSample; i < batch.Count; i += SampleEvery)
        {
            if (batch.Records[i].Offset >= from)
            {
                Metrics.Freshness.Record(Math.Max(0, batch.RecordedTs - batch.Records[i].BrokerTs) / 1000.0);
            }

            untilSample = i + SampleEvery;
        }

        untilSample = Math.Max(0, untilSample - batch.Count);
    }
}
