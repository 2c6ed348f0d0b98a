using static System.FormattableString;

namespace Stockflow.Commands;

/// <summary>One line of a bill.</summary>
/// <param name="Name">What it is for.</param>
/// <param name="Machines">Machines, or pods.</param>
/// <param name="Vcpus">Of each.</param>
/// <param name="MemoryGib">Of each.</param>
/// <param name="DiskGib">Block storage of all together.</param>
/// <param name="ObjectGib">Object storage of all together.</param>
/// <param name="DollarsPerMonth">All of it.</param>
public sealed record CapacityItem(string Name, int Machines, double Vcpus, double MemoryGib, double DiskGib, double ObjectGib, double DollarsPerMonth);

/// <summary>What a load needs and costs. Arithmetic on measured figures: the same load gives the same plan.</summary>
public sealed record CapacityPlan
{
    // Measured on 2 virtual cores (README.md and processor/README.md, where the commands stand that print them).
    // While a load goes on, so that ClickHouse's merges and the questions of the processor are in them.
    internal const double ProcessorMicroseconds = 2.12, ClickHouseMicroseconds = 8.05, RedisMicroseconds = 1.27;
    internal const double SustainedEventsPerSecond = 116_168, SustainedPartitions = 64, AtpAnswersPerSecond = 40_666;
    internal const double FingerprintBytes = 33.4, PositionBytes = 99, RedisFingerprintBytes = 20.0, CloseSecondsPerMillionRows = 3;

    // ./eng/bench pipeline: what ClickHouse keeps of a row. Redis' hashes of 208 locations a SKU, which its defaults do not pack.
    private const double RawRowBytes = 40.2, LedgerRowBytes = 28.3, RedisPositionBytes = 123;

    // Not measured.
    private const double ArrivalRowBytes = 20, GoldRowBytes = 20, RedisReadMicroseconds = 10, Entropy = 1.5, Utilization = 0.5, DiskFill = 0.7;
    private const double HotDays = 35, KafkaDays = 7, HoursPerMonth = 730, DaysPerMonth = HoursPerMonth / 24, Gib = 1 << 30;
    private const double BrokerBytesPerSecond = 40e6, RedisThread = 0.6, RedisLargestGib = 500, PodLargestGib = 28, PodVcpus = 8, GibPerVcpu = 8;
    private const int Brokers = 3, CachedPositionsPerLane = 500_000;

    public required int Partitions { get; init; }

    public required int RedisShards { get; init; }

    public required double EventsPerDay { get; init; }

    public required IReadOnlyList<CapacityItem> Items { get; init; }

    public required double DollarsPerMonth { get; init; }

    /// <summary>What the figures rest on, and what would change them.</summary>
    public required IReadOnlyList<string> Assumptions { get; init; }

    /// <exception cref="UsageException">A value is out of its range.</exception>
    public static CapacityPlan Of(CapacityLoad load, CapacityPrices prices)
    {
        load.Validate();
        prices.Validate();
        var peak = load.PeakEventsPerSecond;
        var average = peak * load.AverageShare;
        var horizonEvents = peak * load.BusiestDayShare * load.HorizonHours * 3600;
        var partitions = (int)Math.Min(1 << 20, Math.Max(16, Math.Pow(2, Math.Ceiling(Math.Log2(peak / (SustainedEventsPerSecond / SustainedPartitions))))));
        var items = new List<CapacityItem>();

        var podVcpus = ((peak * ProcessorMicroseconds * 1e-6) + (load.ReadsPerSecond * 2 / AtpAnswersPerSecond)) / Utilization;
        var podGib = ((horizonEvents * FingerprintBytes * Entropy) + (Math.Min(load.SkuLocations, (double)CachedPositionsPerLane * partitions) * PositionBytes)) / Gib;
        var pods = Whole(Math.Max(2, Math.Max(podVcpus / PodVcpus, podGib / PodLargestGib)));
        partitions = Math.Max(partitions, (int)Math.Pow(2, Math.Ceiling(Math.Log2(2 * (pods + 1)))));
        Add("processor", pods + 1, Whole(podVcpus / pods), Whole((podGib / pods) + 1.5));

        // Room for a rewrite of the append-only file, buffers and fragmentation.
        var redisGib = ((load.SkuLocations * RedisPositionBytes) + (horizonEvents * RedisFingerprintBytes)) / Gib;
        var redisBusy = ((peak * RedisMicroseconds) + (load.ReadsPerSecond * RedisReadMicroseconds)) * 1e-6;
        var shards = Whole(Math.Max(redisGib * Entropy / RedisLargestGib, redisBusy / RedisThread));
        Add("Redis", shards * load.Replicas, 4, Whole(redisGib * Entropy / shards), redisGib * 2.5 * load.Replicas);

        // A row of raw_events, ledger, ledger_by_time and ledger_arrivals each in the days before the cold tier.
        var writeVcpus = peak * (ClickHouseMicroseconds + CloseSecondsPerMillionRows) * 1e-6 / Utilization;
        var clickHouseVcpus = Whole((writeVcpus + load.QueryVcpus) / 4) * 4;
        var clickHouseShards = Whole(clickHouseVcpus / 64.0);
        var perDay = average * 86400;
        var hotGib = perDay * HotDays * (RawRowBytes + (2 * LedgerRowBytes) + ArrivalRowBytes) * Entropy / DiskFill / Gib;
        var goldRows = 365.25 * load.CuratedYears * ((2 * 24 * Touched(load.SkuLocations, average * 3600)) + Touched(load.SkuLocations, perDay));
        var ledgerGib = perDay * Math.Max(0, (365.25 * load.CuratedYears) - HotDays) * LedgerRowBytes * Entropy / Gib;
        var rawGib = perDay * Math.Max(0, (DaysPerMonth * load.RetentionMonths) - HotDays) * RawRowBytes * Entropy / Gib;
        Add("ClickHouse", clickHouseShards * load.Replicas, Whole((double)clickHouseVcpus / clickHouseShards), Whole(4.0 * clickHouseVcpus / clickHouseShards),
            hotGib * load.Replicas, (rawGib + ledgerGib + (goldRows * GoldRowBytes / Gib)) * load.Replicas);

        var brokers = Math.Max(Brokers, Whole(peak * load.RecordBytes * 3 / BrokerBytesPerSecond));
        Add("Kafka", brokers, 4, 16, peak * load.BusiestDayShare * 86400 * KafkaDays * load.RecordBytes * 3 / DiskFill / Gib);
        Add("schema registry, Keeper", 5, 2, 4, 100);
        Add("observability", 2, 8, 32, 2000);

        var machines = items.Sum(item => item.Machines * Machine(item.Vcpus, item.MemoryGib));
        var transfer = average * HoursPerMonth * 3600 / Gib
            * ((load.RecordBytes * (2 + (4.0 / 3))) + (300 * 2.0 / 3) + ((RawRowBytes + (2 * LedgerRowBytes) + ArrivalRowBytes) * Entropy * (load.Replicas - 1)));
        items.Add(new CapacityItem("backups", 0, 0, 0, 0, ledgerGib + (7 * redisGib), (ledgerGib + (7 * redisGib)) * prices.BackupGibMonth));
        items.Add(new CapacityItem("transfer between zones", 0, 0, 0, 0, 0, transfer * prices.ZoneTransferGib));
        items.Add(new CapacityItem("control plane, balancers, logs", 0, 0, 0, 0, 0, prices.FixedMonth));
        items.Add(new CapacityItem("other environments", 0, 0, 0, 0, 0, machines * prices.OtherEnvironmentsShare));
        items.Add(new CapacityItem("contingency", 0, 0, 0, 0, 0, items.Sum(item => item.DollarsPerMonth) * load.Contingency));
        return new CapacityPlan
        {
            Partitions = partitions,
            RedisShards = shards,
            EventsPerDay = perDay,
            Items = items,
            DollarsPerMonth = items.Sum(item => item.DollarsPerMonth),
            Assumptions = Explain(load, prices, shards),
        };

        // Machines with more memory for a processor are rare and dear.
        double Machine(double vcpus, double gib) => ((Math.Max(vcpus, gib / GibPerVcpu) * prices.VcpuHour) + (gib * prices.MemoryGibHour)) * HoursPerMonth;

        void Add(string name, int count, double vcpus, double gib, double diskGib = 0, double objectGib = 0) => items.Add(new CapacityItem(name, count, vcpus, gib, diskGib, objectGib,
            (count * Machine(vcpus, gib)) + (diskGib * prices.DiskGibMonth) + (objectGib * prices.ObjectGibMonth)));
    }

    // How many of so many positions so many events touch, if they fall evenly: in truth fewer.
    private static double Touched(double positions, double events) => positions * (1 - Math.Exp(-events / positions));

    private static int Whole(double value) => Math.Max(1, (int)Math.Min(int.MaxValue, Math.Ceiling(value)));

    private static List<string> Explain(CapacityLoad load, CapacityPrices prices, int shards)
    {
        List<string> assumptions =
        [
            Invariant($"Load: {load.PeakEventsPerSecond:N0} events/s at the peak, {load.AverageShare:P0} of it on average over the year (--average-share), {load.BusiestDayShare:P0} over the busiest day (--busiest-day-share)."),
            Invariant($"CPU an event, measured on 2 virtual cores: processor {ProcessorMicroseconds} us, ClickHouse {ClickHouseMicroseconds} us with its merges and {CloseSecondsPerMillionRows} us for closing hours, Redis {RedisMicroseconds} us; machines are busy to {Utilization:P0} at the peak."),
            Invariant($"An available-to-promise read takes {2e6 / AtpAnswersPerSecond:N0} us of a processor at most (measured with its client) and {RedisReadMicroseconds} us of Redis (not measured)."),
            Invariant($"A lane carries {SustainedEventsPerSecond / SustainedPartitions:N0} events/s, as measured with {SustainedPartitions} of them; a topic can not get more later."),
            Invariant($"Fingerprints: {FingerprintBytes} bytes in a processor and {RedisFingerprintBytes} in Redis an event of {load.HorizonHours} hours; positions: {PositionBytes} and {RedisPositionBytes} bytes, in Redis 79 where hash-max-listpack-entries covers a SKU's locations."),
            Invariant($"Rows in ClickHouse, as measured with generated events: raw {RawRowBytes}, ledger {LedgerRowBytes} bytes; real ids and references compress worse, so storage and memory are taken {Entropy} times. Rows of hours and days: {GoldRowBytes} bytes (not measured), as many as events that fall evenly would touch."),
            Invariant($"The last {HotDays} days are on block storage, filled to {DiskFill:P0}; older parts on object storage by the server's storage policy, a copy for each of {load.Replicas} replicas."),
            Invariant($"Kafka: {load.RecordBytes} bytes a record (not measured), three replicas, {KafkaDays} days; of what is sent two thirds cross a zone."),
            Invariant($"{load.QueryVcpus} vCPUs of each replica are for people's queries (--query-vcpus): an assumption about their number, not a measurement."),
            Invariant($"Prices: AWS on demand, us-east-1, rounded: {prices.VcpuHour} $ a vCPU-hour, {prices.MemoryGibHour} $ a GiB-hour (at most {GibPerVcpu} GiB a vCPU), {prices.DiskGibMonth} and {prices.ObjectGibMonth} $ a GiB-month on block and object storage (--prices). No discounts, no taxes, no people, no second region: that would double the sum."),
        ];
        if (shards > 1)
        {
            assumptions.Add("Redis needs several shards here, and commands (reservations, transfers, counts) work on one primary only: split by prefix and topic, or take less per primary.");
        }

        return assumptions;
    }
}
