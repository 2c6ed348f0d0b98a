using Stockflow.Model;

namespace Stockflow.Window;

/// <summary>
/// A lane's watermark: by source the latest event time less the source's bound, and of these the least. An accepted event below the
/// watermark is late: counted, never refused.
/// </summary>
public sealed class WatermarkStage(WindowOptions options, LaneStatus status)
{
    private readonly Dictionary<string, Source> sources = [];
    private readonly Dictionary<int, Source> byNumber = [];

    /// <summary>Takes up the latest event time by source, milliseconds since 1970-01-01 UTC.</summary>
    public void Restore(IReadOnlyDictionary<string, long> latest)
    {
        foreach (var (name, ts) in latest)
        {
            Find(name).Latest = ts;
        }

        Publish();
    }

    /// <summary>Advances over a batch's accepted records from <paramref name="fromOffset"/> on and counts the late ones.</summary>
    public void Apply(RecordBatch batch, long fromOffset)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch.Verdicts[i] != Verdict.Accepted || batch.Records[i].Offset < fromOffset)
            {
                continue;
            }

            ref var movement = ref batch.Movements[i];
            if (movement.EventTs < status.WatermarkTs)
            {
                status.Late++;
            }

            if (!byNumber.TryGetValue(movement.Source, out var source))
            {
                source = Find(batch.Ids.Text(movement.Source));
                byNumber.Add(movement.Source, source);
            }

            source.Latest = Math.Max(source.Latest, movement.EventTs);
        }

        Publish();
    }

    /// <summary>Copies the latest event time of each source to <paramref name="target"/>.</summary>
    public void Save(Dictionary<string, long> target)
    {
        foreach (var source in sources.Values)
        {
            target[source.Name] = source.Latest;
        }
    }

    private Source Find(string name)
    {
        if (!sources.TryGetValue(name, out var source))
        {
            source = new Source(name, options.BoundSecondsBySource.GetValueOrDefault(name, options.BoundSeconds) * 1000L);
            sources.Add(name, source);
        }

        return source;
    }

    private void Publish()
    {
        var least = long.MaxValue;
        foreach (var source in sources.Values)
        {
            least = Math.Min(least, source.Latest - source.BoundMilliseconds);
        }

        if (least != long.MaxValue)
        {
            status.WatermarkTs = Math.Max(status.WatermarkTs, least);
        }
    }

    private sealed class Source(string name, long boundMilliseconds)
    {
        public string Name { get; } = name;

        public long BoundMilliseconds { get; } = boundMilliseconds;

        public long Latest { get; set; }
    }
}
