using System.Text;
using Stockflow.Model;
using Stockflow.Window;

namespace Stockflow.Tests.Window;

/// <summary>A lane's watermark stage, its status and the batches for it.</summary>
internal sealed class TestLane
{
    private readonly WindowOptions options;
    private readonly TimeProvider time;
    private readonly IdTable ids = new();
    private WatermarkStage stage;
    private long offset;

    public TestLane(WindowOptions options, TimeProvider time, LaneStatus? former = null)
    {
        this.options = options;
        this.time = time;
        Status = New(former);
        stage = new WatermarkStage(options, Status, time);
    }

    public LaneStatus Status { get; private set; }

    public void Events(params (string Source, long Ts)[] events)
    {
        var batch = new RecordBatch(Math.Max(1, events.Length), 64) { Lane = Status, Ids = ids };
        foreach (var (source, ts) in events)
        {
            batch.Add(offset++, 0, default, false, default, false, null);
            batch.Movements[batch.Count - 1] = new Movement { EventTs = ts, Source = ids.Intern(Encoding.UTF8.GetBytes(source)) };
            batch.Verdicts[batch.Count - 1] = Verdict.Accepted;
        }

        stage.Apply(batch, 0);
    }

    public void CaughtUp(long? since, long at) =>
        stage.Apply(new RecordBatch(0, 0) { Lane = Status, Ids = ids, CaughtUp = new CaughtUp(since, at, at) }, 0);

    /// <summary>What a commit would store now.</summary>
    public LaneCommit Save(int partition = 0, long epoch = 1)
    {
        var commit = new LaneCommit { Partition = partition, Epoch = epoch, Ids = ids };
        stage.Save(commit);
        return commit;
    }

    /// <summary>Begins anew with what was stored.</summary>
    public void Restart(LaneCommit stored, bool keepCounts = false)
    {
        Status = New(keepCounts ? Status : null);
        stage = new WatermarkStage(options, Status, time);
        stage.Restore(stored.Watermarks, stored.Marks);
    }

    public SourceStatus Source(string name) => Status.Sources.Single(source => source.Name == name);

    private static LaneStatus New(LaneStatus? former) => new() { Topic = "t", Partition = 0, Sources = former?.Sources ?? [] };
}
