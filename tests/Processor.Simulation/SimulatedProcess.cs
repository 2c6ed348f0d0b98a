using System.Runtime.CompilerServices;
using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>
/// One processor. Nothing reaches it once it is dead; what it has sent goes on without it. While it is paused (SIGSTOP) what reaches it waits.
/// </summary>
internal sealed class SimulatedProcess : IPositionStore, ILedgerReader
{
    private readonly World world;
    private readonly Network network;
    private readonly SimulatedStore store;
    private readonly SimulatedLedger ledger;
    private readonly Queue<Action> deferred = new();
    private int pauses;

    public SimulatedProcess(string name, World world, Network network, SimulatedStore store, SimulatedLedger ledger)
    {
        Name = name;
        this.world = world;
        this.network = network;
        this.store = store;
        this.ledger = ledger;
        Clock = new ProcessClock(world, this);
    }

    public string Name { get; }

    public bool IsDead { get; private set; }

    public bool IsPaused => pauses > 0;

    public TimeProvider Clock { get; }

    /// <summary>Lets something happen to the process.</summary>
    public void Deliver(Action happening)
    {
        if (IsDead)
        {
            return;
        }

        if (pauses > 0)
        {
            deferred.Enqueue(happening);
            return;
        }

        happening();
    }

    public void Crash()
    {
        IsDead = true;
        deferred.Clear();
        world.Count("crashes");
        world.Say(Name, "crashes");
    }

    public void Pause(TimeSpan time)
    {
        pauses++;
        world.Count("processes paused");
        world.Say(Name, $"paused for {time.TotalSeconds:F2} s");
        world.After(time, () =>
        {
            if (--pauses == 0)
            {
                world.Say(Name, "goes on");
                while (deferred.TryDequeue(out var happening))
                {
                    happening();
                }
            }
        });
    }

    /// <summary>Waits as the process: not beyond its death.</summary>
    public Task WaitAsync(TimeSpan delay, CancellationToken token) => Task.Delay(delay, Clock, token);

    public Task<T> CallAsync<T>(SimulatedServer server, string what, Func<T> handle) => network.CallAsync(this, server, what, handle);

    public Task<LaneRecord> AcquireAsync(int partition, CancellationToken token) => AskStoreAsync("acquire", store.Acquire);

    public async IAsyncEnumerable<(long Bucket, SeenEntry[] Entries)> LoadSeenAsync(int partition, [EnumeratorCancellation] CancellationToken token)
    {
        foreach (var bucket in await AskStoreAsync("buckets", store.Buckets))
        {
            yield return (bucket, await AskStoreAsync("bucket", () => store.Bucket(bucket)));
        }
    }

    public async Task LoadAsync(int partition, IdTable ids, ReadOnlyMemory<(int Sku, int Location)> keys, Memory<PositionState> states, CancellationToken token)
    {
        var asked = keys.ToArray().Select(key => new PositionKey(ids.Text(key.Sku), ids.Text(key.Location))).ToArray();
        (await AskStoreAsync("load", () => store.Load(asked))).CopyTo(states);
    }

    public Task<CommitOutcome> CommitAsync(LaneCommit commit, CancellationToken token)
    {
        var sent = SimulatedStore.Copy(commit);
        return AskStoreAsync("commit", () => store.Commit(SimulatedStore.Copy(sent)));
    }

    public async Task<IReadOnlyList<LedgerAnswer>> AskAsync(
        string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token)
    {
        try
        {
            return await CallAsync(ledger, "positions", () => ledger.Answer(questions)).WaitAsync(token);
        }
        catch (NoAnswerException e)
        {
            throw new StoreUnavailableException(e.Message, e);
        }
    }

    public Task<IReadOnlyDictionary<int, LaneMarks>> MarksAsync(int partitions, CancellationToken token) => throw new NotSupportedException();

    public Task CheckAsync(CancellationToken token) => throw new NotSupportedException();

    public bool OutlivesProcess => true;

    public Task<bool> IsOwnerAsync(int partition, long epoch, CancellationToken token) => AskStoreAsync("owner", () => store.IsOwner(epoch));

    public Task<bool> PinPartitionsAsync(string topic, int partitions, CancellationToken token) => throw new NotSupportedException();

    public Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token) => throw new NotSupportedException();

    public Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token) => throw new NotSupportedException();

    public IAsyncEnumerable<StockPosition> ScanAsync(CancellationToken token) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task<T> AskStoreAsync<T>(string what, Func<T> handle)
    {
        try
        {
            return await CallAsync(store, what, handle);
        }
        catch (NoAnswerException e)
        {
            throw new StoreUnavailableException(e.Message, e);
        }
    }
}
