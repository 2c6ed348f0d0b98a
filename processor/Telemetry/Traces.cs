using System.Diagnostics;
using System.Text;
using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Telemetry;

/// <summary>
/// Follows single events from their producer to Redis and the ledger. A record whose <c>traceparent</c> header (W3C Trace Context) says that it
/// is sampled gets a span of its own with one child a stage and one for the insert; names and attributes follow OpenTelemetry's
/// conventions for messaging. Records without such a header cost nothing.
/// </summary>
public static class Traces
{
    public const string SourceName = "Stockflow";

    private const string Header = "traceparent";
    private static readonly ActivitySource Source = new(SourceName);
    private static readonly Lock Gate = new();
    private static long second;
    private static int followedInSecond;

    /// <summary>Events that are followed in a second at most.</summary>
    public static int MaximumPerSecond { get; set; } = 100;

    /// <summary>A message's sending; dispose it when the broker has the message. Null where it is not sampled.</summary>
    public static Activity? Publish<TKey, TValue>(string topic, Message<TKey, TValue> message)
    {
        if (!Source.HasListeners() || Apart(() => Source.StartActivity($"{topic} publish", ActivityKind.Producer, Activity.Current?.Context ?? default)) is not { } span)
        {
            return null;
        }

        span.SetTag("messaging.system", "kafka").SetTag("messaging.operation.type", "publish").SetTag("messaging.destination.name", topic);
        (message.Headers ??= []).Add(Header, Encoding.ASCII.GetBytes(span.Id!));
        return span;
    }

    /// <summary>Begins to follow the records of a batch that their producers have sampled. Returns how many.</summary>
    public static int Follow(RecordBatch batch)
    {
        if (batch.Headers.Count == 0 || !Source.HasListeners())
        {
            return 0;
        }

        for (var i = 0; i < batch.Count; i++)
        {
            if (batch.Records[i].Headers >= 0 && ContextOf(batch.Headers[batch.Records[i].Headers]) is { } parent && MayFollow()
                && Apart(() => Source.StartActivity($"{batch.Lane.Topic} process", ActivityKind.Consumer, parent)) is { } span)
            {
                span.SetTag("messaging.system", "kafka").SetTag("messaging.operation.type", "process").SetTag("messaging.destination.name", batch.Lane.Topic)
                    .SetTag("messaging.destination.partition.id", batch.Lane.Partition).SetTag("messaging.kafka.offset", batch.Records[i].Offset);
                batch.Followed.Add(new FollowedEvent(i, span));
            }
        }

        return batch.Followed.Count;
    }

    /// <summary>A stage's work on a batch: what is measured meanwhile has the batch's first followed event for an example.</summary>
    public static Stage Enter(RecordBatch batch, string name) => new(batch, name);

    /// <summary>The records are durable in the history: their spans end.</summary>
    public static void End(List<FollowedEvent> followed, DateTimeOffset began, DateTimeOffset ended)
    {
        foreach (var (_, span) in followed)
        {
            Child(span, "history insert", began, ended)?.SetTag("db.system.name", "clickhouse").Stop();
            span.SetEndTime(ended.UtcDateTime).Stop();
        }
    }

    /// <summary>The history is away and gets the records later: their spans end without it.</summary>
    public static void End(RecordBatch batch)
    {
        foreach (var (_, span) in batch.Followed)
        {
            span.SetTag("stockflow.history", "later").Stop();
        }
    }

    private static Activity? Child(Activity span, string name, DateTimeOffset began, DateTimeOffset ended) =>
        Apart(() => Source.StartActivity(name, ActivityKind.Internal, span.Context, startTime: began < span.StartTimeUtc ? span.StartTimeUtc : began))?.SetEndTime(ended.UtcDateTime);

    // Spans of many events are open at once; none of them is the thread's own.
    private static Activity? Apart(Func<Activity?> start)
    {
        var current = Activity.Current;
        var started = start();
        Activity.Current = current;
        return started;
    }

    private static ActivityContext? ContextOf(KeyValuePair<string, byte[]?>[] headers)
    {
        foreach (var (name, value) in headers)
        {
            if (name == Header && value is { Length: 55 } && ActivityContext.TryParse(Encoding.ASCII.GetString(value), null, isRemote: true, out var context)
                && context.TraceFlags.HasFlag(ActivityTraceFlags.Recorded))
            {
                return context;
            }
        }

        return null;
    }

    private static bool MayFollow()
    {
        lock (Gate)
        {
            var now = Environment.TickCount64 / 1000;
            (second, followedInSecond) = now == second ? (second, followedInSecond + 1) : (now, 1);
            return followedInSecond <= MaximumPerSecond;
        }
    }

    /// <summary>Adds its span to each followed event when it is disposed.</summary>
    public readonly struct Stage : IDisposable
    {
        private readonly RecordBatch batch;
        private readonly string name;
        private readonly DateTimeOffset began;
        private readonly Activity? former;

        internal Stage(RecordBatch batch, string name)
        {
            (this.batch, this.name) = (batch, name);
            if (Source.HasListeners())
            {
                (began, former) = (DateTimeOffset.UtcNow, Activity.Current);
                Activity.Current = batch.Followed.Count > 0 ? batch.Followed[0].Span : former;
            }
        }

        public void Dispose()
        {
            if (batch.Followed.Count == 0)
            {
                return;
            }

            var ended = DateTimeOffset.UtcNow;
            foreach (var (index, span) in batch.Followed)
            {
                var verdict = batch.Verdicts[index].ToString();
                span.SetTag("stockflow.verdict", verdict).SetTag("stockflow.event_id", Encoding.UTF8.GetString(batch.Bytes(batch.Movements[index].EventId)));
                Child(span, name, began, ended)?.SetTag("stockflow.verdict", verdict).Stop();
            }

            Activity.Current = former;
        }
    }
}
