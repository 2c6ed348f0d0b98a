using System.Diagnostics.Metrics;
using System.Reflection;
using System.Runtime.InteropServices;
using Stockflow.Model;

namespace Stockflow.Telemetry;

/// <summary>
/// Every metric's name, unit, labels and buckets. Counters of lanes are read from <see cref="ProcessorStatus"/>, so the hot path adds to
/// plain fields; a new metric is one line here and one in dashboards/METRICS.md, which a test compares.
/// </summary>
public static class Metrics
{
    public static readonly Meter Meter = new("Stockflow");

    /// <summary>Upper bounds of buckets for durations, seconds.</summary>
    public static readonly double[] SecondsBuckets =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300];

    private static readonly List<MetricDefinition> Definitions = [];

    /// <summary>From the broker's timestamp to visible in the position store.</summary>
    public static readonly Histogram<double> Freshness = Seconds("stockflow_position_freshness_seconds",
        "Time from the broker's timestamp of an event to its effect in the position store.");

    public static readonly Histogram<double> CommitDuration = Seconds("stockflow_position_commit_seconds",
        "Time of one atomic commit of a batch to the position store.");

    public static readonly Histogram<double> InsertDuration = Seconds("stockflow_history_insert_seconds",
        "Time of one insert into ClickHouse.");

    public static readonly Histogram<double> CloseSeconds = Seconds("stockflow_close_seconds",
        "Time of one pass that closed hours or restated closed ones.");

    /// <summary>By stage.</summary>
    public static readonly Histogram<double> StageDuration = Seconds("stockflow_stage_batch_seconds",
        "Time of a stage's work on one batch.", "stage");

    /// <summary>By kind: single, sku, batch.</summary>
    public static readonly Histogram<double> AtpReads = Seconds("stockflow_atp_read_seconds",
        "Time to answer what can be promised: of one position, of a SKU at all locations, of a batch of positions.", "kind");

    /// <summary>By route pattern and status code, so that no caller can add a series.</summary>
    public static readonly Counter<long> HttpRequests = Count("stockflow_http_requests_total", "requests",
        "Requests answered by the HTTP API.", "route", "status");

    public static readonly Histogram<double> HttpDuration = Seconds("stockflow_http_request_seconds",
        "Time to answer a request of the HTTP API.", "route");

    /// <summary>By outcome: found, absent, refused, unreachable.</summary>
    public static readonly Counter<long> RegistryRequests = Count("stockflow_schema_registry_requests_total", "requests",
        "Requests to the schema registry.", "outcome");

    /// <summary>By command and outcome: applied, repeated, or the stable code of a refusal.</summary>
    public static readonly Counter<long> Commands = Count("stockflow_commands_total", "commands",
        "Commands on stock by their outcome.", "command", "outcome");

    private static readonly string[] LaneLabels = ["topic", "partition"];

    private static readonly Group<LaneStatus> LaneMetrics = new(LaneLabels,
    [
        ("stockflow_lane_records_read_total", "records", "Records read from Kafka.", lane => lane.Read),
        ("stockflow_lane_records_accepted_total", "records", "Records whose event changed a position or the ledger.", lane => lane.Accepted),
        ("stockflow_lane_records_duplicate_total", "records", "Records whose event_id was seen before at a lower offset.", lane => lane.Duplicates),
        ("stockflow_lane_records_dead_letter_total", "records", "Records sent to the dead letters.", lane => lane.DeadLetters),
        ("stockflow_lane_records_late_total", "records", "Accepted records with an event time below the watermark.", lane => lane.Late),
        ("stockflow_lane_records_replayed_total", "records", "Records read again that the position store had applied already.", lane => lane.Replayed),
        ("stockflow_lane_negative_on_hand_total", "positions", "Positions that went below zero on-hand.", lane => lane.NegativeOnHand),
        ("stockflow_lane_unsettled_positions", "positions", "SKUs with late counts or corrections that wait for the ledger.", lane => lane.Unsettled),
        ("stockflow_lane_held_corrections", "events", "Events that corrections name and that have not come; the corrections have no effect until then.", lane => lane.Held),
        ("stockflow_lane_fingerprints", "events", "Event ids that the lane remembers, to know duplicates.", lane => lane.Fingerprints),
        ("stockflow_lane_commit_seconds", "seconds", "Time of the lane's last atomic commit to the position store.", lane => lane.CommitSeconds),
        ("stockflow_lane_lag_records", "records", "Records that wait in Kafka.", lane => lane.Lag),
        ("stockflow_lane_read_offset", "offset", "Offset after the last record read from Kafka.", lane => lane.ReadOffset),
        ("stockflow_lane_position_offset", "offset", "Offset after the last record applied to the positions; -1 before the first.", lane => lane.NextOffset),
        ("stockflow_lane_durable_offset", "offset", "Offset after the last record durable in the history; -1 before the first.", lane => lane.DurableOffset),
        ("stockflow_lane_history_gap_records", "records", "Records that the positions have and the history must still be given: ClickHouse was away.", lane => lane.HistoryGap),
        ("stockflow_lane_committed_offset", "offset", "Offset committed to Kafka; -1 before the first.", lane => lane.CommittedOffset),
        ("stockflow_lane_end_offset", "offset", "Offset after the partition's last record; -1 where unknown.", lane => lane.EndOffset),
        ("stockflow_lane_epoch", "epoch", "Epoch under which the lane writes.", lane => lane.Epoch),
        ("stockflow_lane_paused", "boolean", "1 while the partition is held back, by backpressure or alignment.", lane => lane.Paused ? 1 : 0),
        ("stockflow_lane_alignment_paused", "boolean", "1 while the partition is held back because its lane is ahead of the others in event time.", lane => lane.Aligning ? 1 : 0),
        ("stockflow_lane_idle_sources", "sources", "Sources of which nothing comes and which do not hold the watermark back.", lane => lane.IdleSources),
        ("stockflow_lane_watermark_timestamp_seconds", "seconds", "Watermark as a Unix time; 0 before the first event.", lane => lane.WatermarkTs / 1000.0),
        ("stockflow_lane_close_watermark_timestamp_seconds", "seconds", "Watermark less the allowed lateness as a Unix time; 0 before the first event.", lane => lane.CloseTs / 1000.0),
    ]);

    private static readonly Group<StageStatus> StageMetrics = new(["stage"],
    [
        ("stockflow_stage_batches_total", "batches", "Batches that a stage has worked on.", stage => stage.Batches),
        ("stockflow_stage_records_total", "records", "Records that a stage has worked on.", stage => stage.Records),
        ("stockflow_stage_refused_total", "records", "Records that a stage sent to the dead letters.", stage => stage.Refused),
        ("stockflow_stage_errors_total", "batches", "Batches that a stage could not finish: their lane ended and reads them again.", stage => stage.Errors),
        ("stockflow_stage_queue_batches", "batches", "Batches that wait in front of a stage, of all lanes.", stage => stage.Waiting),
    ]);

    private static readonly MetricDefinition StageTime = Define("stockflow_stage_time_seconds_total", "seconds",
        "Time of a stage by state: busy (waiting for a server included), idle, backpressured (the next stage has no room); all lanes together, so divide by stockflow_lanes.", "stage", "state");

    private static readonly MetricDefinition LagSeconds = Define("stockflow_lane_lag_seconds", "seconds",
        "Age of the records that wait in Kafka; 0 where none does.", LaneLabels);

    private static readonly MetricDefinition Fenced = Define("stockflow_lane_fenced_writes_total", "writes",
        "Writes that the position store refused because another process has taken the lane.", LaneLabels);

    private static readonly MetricDefinition BrokerLatency = Define("stockflow_kafka_broker_latency_seconds", "seconds",
        "Average round trip to a broker in the client's last interval of 10 s; 32 brokers at most.", "broker");

    private static readonly MetricDefinition KafkaReceived = Define("stockflow_kafka_received_bytes_total", "bytes",
        "Bytes received from Kafka.");

    // Absent until Redis was looked at, and where the process's own memory stands in for it.
    private static readonly Group<RedisUsage> RedisMetrics = new([],
    [
        ("stockflow_redis_memory_bytes", "bytes", "Memory that Redis uses.", redis => redis.MemoryBytes),
        ("stockflow_redis_memory_limit_bytes", "bytes", "Memory that Redis may use; 0 for no limit.", redis => redis.LimitBytes),
        ("stockflow_redis_clients", "clients", "Clients connected to Redis.", redis => redis.Clients),
        ("stockflow_redis_commands_total", "commands", "Commands that Redis has processed since its start, of all its clients.", redis => redis.Commands),
    ]);

    // Only the owner of the topic's first partition looks.
    private static readonly Group<TableUsage> TableMetrics = new(["table"],
    [
        ("stockflow_clickhouse_parts", "parts", "Active parts of a ClickHouse table.", table => table.Parts),
        ("stockflow_clickhouse_partition_parts_max", "parts", "Active parts of the table's fullest partition; ClickHouse delays inserts from 1000 on and refuses them from 3000 on.", table => table.PartitionParts),
        ("stockflow_clickhouse_rows", "rows", "Rows of a ClickHouse table, those that merges will drop included.", table => table.Rows),
        ("stockflow_clickhouse_bytes", "bytes", "Bytes on disk of a ClickHouse table.", table => table.Bytes),
    ]);

    // A lane tells 32 sources apart and the rest together as 'other', so that data can not add series without end.
    private static readonly Group<(LaneStatus Lane, SourceStatus Source)> SourceMetrics = new([.. LaneLabels, "source_system"],
    [
        ("stockflow_source_watermark_timestamp_seconds", "seconds", "Watermark of a lane's source as a Unix time; beyond 32 sources they share 'other'.", of => of.Source.WatermarkTs / 1000.0),
        ("stockflow_source_records_late_total", "records", "Accepted records of a lane's source with an event time below the lane's watermark.", of => of.Source.Late),
        ("stockflow_source_records_too_late_total", "records", "Those of them whose hour was past its allowed lateness; where it is closed it is restated.", of => of.Source.TooLate),
        ("stockflow_source_idle", "boolean", "1 while nothing comes of a lane's source though the lane keeps up.", of => of.Source.IsIdle ? 1 : 0),
    ]);

    private static readonly MetricDefinition WatermarkDrift = Define("stockflow_lane_watermark_drift_seconds", "seconds",
        "Lane's watermark minus the global watermark; absent while either is unknown.", LaneLabels);

    private static readonly MetricDefinition WatermarkLag = Define("stockflow_lane_watermark_lag_seconds", "seconds",
        "Wall clock minus the watermark; absent before the first event.", LaneLabels);

    private static readonly MetricDefinition DeadLetterReasons = Define("stockflow_dead_letters_total", "records",
        "Records sent to the dead letters by reason code.", "reason");

    private static readonly Group<ProcessorStatus> StatusMetrics = new([],
    [
        ("stockflow_lanes", "lanes", "Partitions that this process owns.", status => status.Lanes.Count),
        ("stockflow_ready", "boolean", "1 while positions are kept up to date and can be read.", status => status.IsReady ? 1 : 0),
        ("stockflow_lanes_awaiting_rebuild", "lanes", "Lanes whose positions are gone from the store until processor rebuild has run.", status => status.AwaitingRebuild.Count),
        ("stockflow_global_watermark_timestamp_seconds", "seconds", "Least watermark of all partitions of all processes as a Unix time; 0 while unknown.", status => status.GlobalWatermarkTs / 1000.0),
        ("stockflow_global_close_watermark_timestamp_seconds", "seconds", "Time up to which hours may be closed, as a Unix time; 0 while unknown.", status => status.GlobalCloseTs / 1000.0),
        ("stockflow_source_connected", "boolean", "1 if the last call to Kafka succeeded.", status => status.SourceConnected ? 1 : 0),
        ("stockflow_positions_connected", "boolean", "1 if the last call to the position store succeeded.", status => status.PositionsConnected ? 1 : 0),
        ("stockflow_history_connected", "boolean", "1 if the last call to ClickHouse succeeded.", status => status.HistoryConnected ? 1 : 0),
        ("stockflow_stock_outboxes", "lanes", "Lanes with movements of commands that Kafka does not have yet.", status => status.Outboxes),
        ("stockflow_transfers_unmatched", "transfers", "Transfers with open units whose first leg is older than transfers.unmatchedHours; -1 before the first look.", status => status.UnmatchedTransfers),
        ("stockflow_dedupe_horizon_seconds", "seconds", "Setting: how long an event_id is remembered at least.", status => status.HorizonSeconds),
        ("stockflow_stock_forwarded_total", "movements", "Movements of commands that this process sent to Kafka.", status => status.Forwarded),
        ("stockflow_history_rows_total", "rows", "Rows that ClickHouse has taken from the history stage.", status => status.HistoryRows),
        ("stockflow_history_insert_failures_total", "inserts", "Inserts that ClickHouse did not take; they are tried again.", status => status.HistoryFailures),
        ("stockflow_kafka_rebalances_total", "rebalances", "Times that this process was given partitions anew.", status => status.Rebalances),
        ("stockflow_traces_followed_total", "events", "Events that were followed by a trace.", status => status.Followed),
    ]);

    private static readonly Group<CloseStatus> CloseMetrics = new([],
    [
        ("stockflow_close_periods_total", "hours", "Hours that this process has closed.", close => close.Hours),
        ("stockflow_close_restated_positions_total", "positions", "SKU and location pairs of closed hours that were computed again for late or corrected events.", close => close.Keys),
        ("stockflow_close_postings_total", "postings", "Late effects on locked periods that were posted instead.", close => close.Postings),
        ("stockflow_close_failures_total", "passes", "Passes of the close that a server broke off; the next does them again.", close => close.Failures),
    ]);

    // Absent until a process has looked; only the owner of the topic's first partition does.
    private static readonly MetricDefinition ClosedThrough = Define("stockflow_closed_through_timestamp_seconds", "seconds",
        "End of the last closed hour as a Unix time; only where hours are closed.");

    private static readonly MetricDefinition CloseLag = Define("stockflow_close_lag_seconds", "seconds",
        "Time up to which hours may be closed, minus the end of the last closed hour; up to 3600 is usual. Only where hours are closed.");

    // Absent before the first run of 'processor reconcile'.
    private static readonly Group<ReconcileResult> ReconcileMetrics = new([],
    [
        ("stockflow_reconcile_timestamp_seconds", "seconds", "End of the last reconciliation as a Unix time.", result => result.FinishedTs / 1000.0),
        ("stockflow_reconcile_compared_positions", "positions", "Positions that the last reconciliation compared with the ledger.", result => result.Compared),
        ("stockflow_reconcile_drifting_positions", "positions", "Positions that differed from the ledger.", result => result.Drifting),
        ("stockflow_reconcile_repaired_positions", "positions", "Drifting positions that the last reconciliation set right.", result => result.Repaired),
        ("stockflow_reconcile_duplicates", "records", "Records that counted a fact again and were not compensated before.", result => result.Duplicates),
        ("stockflow_reconcile_reused_event_ids", "records", "Records whose event_id had been used for a different fact.", result => result.Reused),
        ("stockflow_reconcile_compensations", "records", "Compensating movements that the last reconciliation sent.", result => result.Compensations),
    ]);

    // Absent where another process evaluates the rules. Rules are declared, at most a hundred.
    private static readonly Group<QualityResult> QualityMetrics = new(["rule"],
    [
        ("stockflow_quality_rule_failing", "boolean", "1 while a data quality rule is broken.", result => result.Status == QualityStatus.Fail ? 1 : 0),
        ("stockflow_quality_violations", "violations", "Records or keys that broke a data quality rule at its last evaluation.", result => result.Violations),
        ("stockflow_quality_evaluated_timestamp_seconds", "seconds", "Last evaluation of a data quality rule as a Unix time.", result => new DateTimeOffset(result.EvaluatedAt).ToUnixTimeMilliseconds() / 1000.0),
    ]);

    private static readonly MetricDefinition Quarantined = Define("stockflow_quality_quarantined", "events",
        "Events that data quality rules hold in quarantine.");

    private static readonly Instrument[] ProcessMetrics =
    [
        Process("process_cpu_seconds_total", "seconds", "CPU time of the process, user and system.",
            () => Environment.CpuUsage.TotalTime.TotalSeconds),
        Process("process_resident_memory_bytes", "bytes", "Resident memory.", () => Environment.WorkingSet),
        Process("process_start_time_seconds", "seconds", "Start of the process as a Unix time.", () => StartTime),
        Process("dotnet_gc_allocated_bytes_total", "bytes", "Bytes allocated on the managed heap.",
            () => GC.GetTotalAllocatedBytes()),
        Process("dotnet_gc_heap_bytes", "bytes", "Managed heap, live and not yet collected.", () => GC.GetTotalMemory(false)),
        Process("dotnet_gc_pause_seconds_total", "seconds", "Time that the garbage collector paused the process.",
            () => GC.GetTotalPauseDuration().TotalSeconds),
        Process("dotnet_threadpool_threads", "threads", "Threads of the pool.", () => ThreadPool.ThreadCount),
        Process("dotnet_threadpool_queued_items", "items", "Work items that wait for a thread of the pool.",
            () => ThreadPool.PendingWorkItemCount),
        Observe(Meter, Define("dotnet_gc_collections_total", "collections", "Garbage collections by generation.", "generation"),
            () => Enumerable.Range(0, GC.MaxGeneration + 1).Select(generation =>
                new Measurement<double>(GC.CollectionCount(generation), Tag("generation", generation)))),
        Observe(Meter, Define("stockflow_build_info", "info", "Always 1; the labels tell the build.", "version", "runtime"),
            () => [new Measurement<double>(1, Tag("version", Version), Tag("runtime", RuntimeInformation.FrameworkDescription))]),
    ];

    /// <summary>Every metric, by name.</summary>
    public static IReadOnlyList<MetricDefinition> Catalogue { get; } = [.. Definitions.OrderBy(definition => definition.Name, StringComparer.Ordinal)];

    /// <summary>Version of this build.</summary>
    public static string Version =>
        typeof(Metrics).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    private static double StartTime { get; } =
        new DateTimeOffset(System.Diagnostics.Process.GetCurrentProcess().StartTime).ToUnixTimeMilliseconds() / 1000.0;

    /// <summary>A meter over one processor's status; it ends with its disposal.</summary>
    public static Meter Observe(ProcessorStatus status, TimeProvider time)
    {
        var meter = new Meter("Stockflow.Processor");
        LaneMetrics.Observe(meter, () => status.Lanes.Values, OfLane);
        Observe(meter, WatermarkLag, () => status.Lanes.Values.Where(lane => lane.WatermarkTs > 0).Select(lane =>
            new Measurement<double>((Now() - lane.WatermarkTs) / 1000.0, OfLane(lane))));
        Observe(meter, WatermarkDrift, () => status.Lanes.Values.Where(lane => lane.WatermarkTs > 0 && status.GlobalWatermarkTs > 0).Select(lane =>
            new Measurement<double>((lane.WatermarkTs - status.GlobalWatermarkTs) / 1000.0, OfLane(lane))));
        Observe(meter, LagSeconds, () => status.Lanes.Values.Select(lane => new Measurement<double>(lane.LagSeconds(Now()), OfLane(lane))));
        Observe(meter, Fenced, () => status.Lanes.Values.Select(lane => (lane.Topic, lane.Partition)).Union(status.Fenced.Keys).Select(lane =>
            new Measurement<double>(status.Fenced.GetValueOrDefault(lane), Tag("topic", lane.Topic), Tag("partition", lane.Partition))));
        SourceMetrics.Observe(meter, () => status.Lanes.Values.SelectMany(lane => lane.Sources.Select(source => (lane, source))),
            of => [.. OfLane(of.Lane), Tag("source_system", of.Source.Name)]);
        StageMetrics.Observe(meter, () => status.Stages, stage => [Tag("stage", stage.Name)]);
        Observe(meter, StageTime, () => status.Stages.SelectMany(stage => Enum.GetValues<StageState>().Select(state =>
            new Measurement<double>(stage.Seconds(state), Tag("stage", stage.Name), Tag("state", state.ToString().ToLowerInvariant())))));
        Observe(meter, KafkaReceived, () => [new Measurement<double>(status.Kafka?.ReceivedBytes ?? 0)]);
        Observe(meter, BrokerLatency, () => status.Kafka?.Latencies.Select(broker => new Measurement<double>(broker.Seconds, Tag("broker", broker.Broker))) ?? []);
        RedisMetrics.Observe(meter, () => OneOrNone(status.Redis));
        TableMetrics.Observe(meter, () => status.Tables, table => [Tag("table", table.Table)]);
        Observe(meter, DeadLetterReasons, () => status.DeadLetterReasons.Select(reason => new Measurement<double>(reason.Value, Tag("reason", reason.Key.Code()))));
        StatusMetrics.Observe(meter, () => [status]);
        CloseMetrics.Observe(meter, () => [status.Close]);
        Observe(meter, ClosedThrough, () => status.Close.ThroughTs > 0 ? [new Measurement<double>(status.Close.ThroughTs / 1000.0)] : []);
        Observe(meter, CloseLag, () => status.Close.ThroughTs > 0 ? [new Measurement<double>((status.GlobalCloseTs - status.Close.ThroughTs) / 1000.0)] : []);
        ReconcileMetrics.Observe(meter, () => OneOrNone(status.Reconciled));
        QualityMetrics.Observe(meter, () => status.Quality, result => [Tag("rule", result.Rule)]);
        Observe(meter, Quarantined, () => status.Quarantined >= 0 ? [new Measurement<double>(status.Quarantined)] : []);
        return meter;

        long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();
    }

    private static Instrument Observe(Meter meter, MetricDefinition metric, Func<IEnumerable<Measurement<double>>> read) =>
        metric.Kind == MetricKind.Counter
            ? meter.CreateObservableCounter(metric.Name, read, metric.Unit, metric.Help)
            : meter.CreateObservableGauge(metric.Name, read, metric.Unit, metric.Help);

    private static IEnumerable<T> OneOrNone<T>(T? item)
        where T : class => item is null ? [] : [item];

    private static KeyValuePair<string, object?>[] OfLane(LaneStatus lane) => [Tag("topic", lane.Topic), Tag("partition", lane.Partition)];

    private static KeyValuePair<string, object?> Tag(string name, object value) => new(name, value);

    private static Instrument Process(string name, string unit, string help, Func<double> read) =>
        Observe(Meter, Define(name, unit, help), () => [new Measurement<double>(read())]);

    private static Counter<long> Count(string name, string unit, string help, params string[] labels) =>
        Meter.CreateCounter<long>(Define(name, unit, help, labels).Name, unit, help);

    private static Histogram<double> Seconds(string name, string help, params string[] labels) =>
        Meter.CreateHistogram(Define(MetricKind.Histogram, name, "seconds", help, labels).Name, "seconds", help, tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = SecondsBuckets });

    // Prometheus's convention tells the kind: what only grows is named a total.
    private static MetricDefinition Define(string name, string unit, string help, params string[] labels) =>
        Define(name.EndsWith("_total", StringComparison.Ordinal) ? MetricKind.Counter : MetricKind.Gauge, name, unit, help, labels);

    private static MetricDefinition Define(MetricKind kind, string name, string unit, string help, string[] labels)
    {
        var definition = new MetricDefinition(name, kind, unit, labels, help);
        Definitions.Add(definition);
        return definition;
    }

    /// <summary>Metrics with the same labels, each read from the same object.</summary>
    private sealed class Group<T>(string[] labels, (string Name, string Unit, string Help, Func<T, double> Read)[] metrics)
    {
        private readonly MetricDefinition[] definitions = Array.ConvertAll(metrics, metric => Define(metric.Name, metric.Unit, metric.Help, labels));

        public void Observe(Meter meter, Func<IEnumerable<T>> items, Func<T, KeyValuePair<string, object?>[]>? tags = null)
        {
            for (var i = 0; i < metrics.Length; i++)
            {
                var read = metrics[i].Read;
                Metrics.Observe(meter, definitions[i], () => items().Select(item => new Measurement<double>(read(item), tags?.Invoke(item) ?? [])));
            }
        }
    }
}
