using Stockflow.Model;

namespace Stockflow.Window;

/// <summary>
/// A lane's watermark: by source the latest event time less the source's bound, and of these the least. An accepted event below the
/// watermark is late: counted, never refused. A source is idle when, for <see cref="WindowOptions.IdleSeconds"/> in all, nothing of it came
/// while the lane kept up with its partition; its clock then goes on with the wall clock, as far as the lane is known to have kept up.
/// </summary>
public sealed class WatermarkStage(WindowOptions options, LaneStatus status, TimeProvider time)
{
    /// <summary>Sources that are told apart outside; names come with the data. Further ones are told together, as <see cref="Others"/>.</summary>
    public const int MaximumToldSources = 32;

    public const string Others = "other";

    private const long HourMilliseconds = 3_600_000;

    private readonly Dictionary<string, Source> sources = [];
    private readonly Dictionary<int, Source> byNumber = [];
    private readonly TimeSpan idleAfter = TimeSpan.FromSeconds(options.IdleSeconds);
    private TimeSpan emptyFor;
    private long caughtUpTs;

    /// <summary>Takes up where the lane stood: its marks, and the latest event time by source, milliseconds since 1970-01-01 UTC.</summary>
    public void Restore(IReadOnlyDictionary<string, long> latest, LaneMarks marks)
    {
        (status.WatermarkTs, status.CloseTs) = (marks.WatermarkTs, marks.CloseTs);
        foreach (var (name, ts) in latest.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var source = Find(name);
            source.Latest = Math.Max(source.Latest, ts);
        }

        Publish();
    }

    /// <summary>Advances over a batch's accepted records from <paramref name="fromOffset"/> on and counts the late ones.</summary>
    public void Apply(RecordBatch batch, long fromOffset)
    {
        var now = time.GetTimestamp();
        var (number, source) = (-1, (Source?)null);
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch.Verdicts[i] != Verdict.Accepted || batch.Records[i].Offset < fromOffset)
            {
                continue;
            }

            ref var movement = ref batch.Movements[i];
            if (movement.Source != number || source is null)
            {
                number = movement.Source;
                if (!byNumber.TryGetValue(number, out source))
                {
                    source = Find(batch.Ids.Text(number));
                    byNumber.Add(number, source);
                }
            }

            if (movement.EventTs < status.WatermarkTs)
            {
                status.Late++;
                source.Status.Late++;
                source.Status.TooLate += movement.EventTs - (movement.EventTs % HourMilliseconds) + HourMilliseconds <= status.CloseTs ? 1 : 0;
            }

            source.Latest = Math.Max(source.Latest, movement.EventTs);
            source.SeenStamp = now;
            source.SilentFor = TimeSpan.Zero;
        }

        if (batch.CaughtUp is { } caughtUp)
        {
            Note(caughtUp);
        }

        Publish();
    }

    /// <summary>Writes what a restart needs to <paramref name="commit"/>.</summary>
    public void Save(LaneCommit commit)
    {
        foreach (var source in sources.Values)
        {
            commit.Watermarks[source.Name] = source.Latest;
        }

        commit.Marks = new LaneMarks(status.WatermarkTs, status.CloseTs);
    }

    // A record was appended before it was seen: what lies after that, up to the instant, was silent.
    private void Note(CaughtUp caughtUp)
    {
        caughtUpTs = status.CaughtUpTs = Math.Max(caughtUpTs, caughtUp.Ts);
        if (caughtUp.Since is not { } since)
        {
            return;
        }

        emptyFor += Silence(since);
        foreach (var source in sources.Values)
        {
            source.SilentFor += Silence(Math.Max(since, source.SeenStamp));
        }

        TimeSpan Silence(long from) => from < caughtUp.Stamp ? time.GetElapsedTime(from, caughtUp.Stamp) : TimeSpan.Zero;
    }

    private Source Find(string name)
    {
        if (sources.TryGetValue(name, out var source))
        {
            return source;
        }

        source = new Source(name, Tell(name), options.BoundMilliseconds(name), options.LatenessMilliseconds(name));
        sources.Add(name, source);
        return source;
    }

    // A lane that starts again goes on with the counts that it had.
    private SourceStatus Tell(string name)
    {
        var told = status.Sources;
        var label = told.Length < MaximumToldSources || told.Any(known => known.Name == name) ? name : Others;
        if (told.FirstOrDefault(known => known.Name == label) is { } known)
        {
            return known;
        }

        var added = new SourceStatus(label);
        status.Sources = [.. told, added];
        return added;
    }

    private void Publish()
    {
        long watermark = long.MaxValue, close = long.MaxValue, others = long.MaxValue;
        SourceStatus? together = null;
        var areOthersIdle = true;
        foreach (var source in sources.Values)
        {
            var isIdle = source.SilentFor >= idleAfter;
            var mark = (isIdle ? Math.Max(source.Latest, caughtUpTs) : source.Latest) - source.BoundMilliseconds;
            watermark = Math.Min(watermark, mark);
            close = Math.Min(close, mark - source.LatenessMilliseconds);
            if (source.Status.Name != Others)
            {
                (source.Status.WatermarkTs, source.Status.IsIdle) = (mark, isIdle);
                continue;
            }

            together = source.Status;
            others = Math.Min(others, mark);
            areOthersIdle &= isIdle;
        }

        if (together is not null)
        {
            (together.WatermarkTs, together.IsIdle) = (others, areOthersIdle);
        }

        if (sources.Count == 0 && emptyFor >= idleAfter)
        {
            watermark = caughtUpTs - options.BoundMilliseconds("");
            close = watermark - options.LatenessMilliseconds("");
        }

        if (watermark != long.MaxValue)
        {
            status.WatermarkTs = Math.Max(status.WatermarkTs, watermark);
            status.CloseTs = Math.Max(status.CloseTs, close);
        }
    }

    private sealed class Source(string name, SourceStatus status, long boundMilliseconds, long latenessMilliseconds)
    {
        public string Name { get; } = name;

        public SourceStatus Status { get; } = status;

        public long BoundMilliseconds { get; } = boundMilliseconds;

        public long LatenessMilliseconds { get; } = latenessMilliseconds;

        public long Latest { get; set; }

        /// <summary>When a record of it was applied last.</summary>
        public long SeenStamp { get; set; } = long.MinValue;

        /// <summary>How long nothing of it came while the lane kept up, since its last record.</summary>
        public TimeSpan SilentFor { get; set; }
    }
}
