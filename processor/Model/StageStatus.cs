using System.Collections.Concurrent;

namespace Stockflow.Model;

/// <summary>What one stage did, in all lanes of the process together. Thread-safe.</summary>
public sealed class StageStatus(string name)
{
    private readonly ConcurrentDictionary<StageClock, bool> clocks = new();
    private readonly long[] ticks = new long[3];
    private long batches, records, refused, errors;

    public string Name { get; } = name;

    public long Batches => Volatile.Read(ref batches);

    public long Records => Volatile.Read(ref records);

    /// <summary>Records that the stage sent to the dead letters.</summary>
    public long Refused => Volatile.Read(ref refused);

    /// <summary>Batches that it could not finish: their lane ended, and read them again.</summary>
    public long Errors => Volatile.Read(ref errors);

    /// <summary>Batches that wait in front of it.</summary>
    public int Waiting => clocks.Keys.Sum(clock => clock.Waiting());

    /// <summary>Time in a state up to now, seconds; that of all lanes together, so n lanes gain n seconds a second.</summary>
    public double Seconds(StageState state)
    {
        foreach (var clock in clocks.Keys)
        {
            clock.Settle();
        }

        return Volatile.Read(ref ticks[(int)state]) / (double)TimeSpan.TicksPerSecond;
    }

    /// <summary>A lane's clock of this stage, until <paramref name="ended"/>.</summary>
    /// <param name="time">Clock.</param>
    /// <param name="waiting">Batches in front of the block.</param>
    /// <param name="done">Batches that the block has finished and the next one has no room for.</param>
    /// <param name="ended">Ends with the lane.</param>
    public StageClock Start(TimeProvider time, Func<int> waiting, Func<int> done, Task ended)
    {
        var clock = new StageClock(this, time, waiting, done);
        clocks.TryAdd(clock, true);
        ended.ContinueWith(_ =>
        {
            clock.Settle();
            clocks.TryRemove(clock, out bool _);
        }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return clock;
    }

    internal void Add(StageState state, TimeSpan elapsed) => Interlocked.Add(ref ticks[(int)state], elapsed.Ticks);

    public void Refuse(int count) => Interlocked.Add(ref refused, count);

    internal void Finished(int count)
    {
        Interlocked.Increment(ref batches);
        Interlocked.Add(ref records, count);
    }

    internal void Failed() => Interlocked.Increment(ref errors);
}

/// <summary>What a lane's block does at a moment.</summary>
public enum StageState
{
    /// <summary>It works on a batch, or waits for a server to do so.</summary>
    Busy,

    /// <summary>It has nothing to do.</summary>
    Idle,

    /// <summary>The next block has no room for what it has finished.</summary>
    Backpressured,
}

/// <summary>Divides the time of one lane's block among its states.</summary>
public sealed class StageClock(StageStatus stage, TimeProvider time, Func<int> waiting, Func<int> done)
{
    private readonly Lock gate = new();
    private long since = time.GetTimestamp();
    private bool isBusy;

    public int Waiting() => waiting();

    /// <summary>Runs a stage's work on a batch, which the stage may give away. Returns how long it took.</summary>
    public async ValueTask<TimeSpan> RunAsync(RecordBatch batch, Func<RecordBatch, ValueTask> work)
    {
        var started = time.GetTimestamp();
        var count = batch.Count;
        Turn(busy: true);
        try
        {
            await work(batch);
            stage.Finished(count);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            stage.Failed();
            throw;
        }
        finally
        {
            Turn(busy: false);
        }

        return time.GetElapsedTime(started);
    }

    /// <summary>Counts the time up to now.</summary>
    public void Settle() => Turn(busy: null);

    // A batch that was finished leaves at once where there is room: one that is still there when the pause is counted had to wait.
    private void Turn(bool? busy)
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            stage.Add(isBusy ? StageState.Busy : done() > 0 ? StageState.Backpressured : StageState.Idle, time.GetElapsedTime(since, now));
            since = now;
            isBusy = busy ?? isBusy;
        }
    }
}
