using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stockflow.Commands;

/// <summary><c>processor capacity</c>: what a load needs and costs, from measured figures.</summary>
public static class CapacityCommand
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        WriteIndented = true,
    };

    public static Command Create()
    {
        var usual = new CapacityLoad { PeakEventsPerSecond = 1, SkuLocations = 1 };
        var events = new Option<double>("--events-per-second") { Description = "Events a second at the peak.", Required = true, HelpName = "n" };
        var positions = new Option<double>("--sku-locations") { Description = "SKU and location pairs with a position.", Required = true, HelpName = "n" };
        var retention = Number("--retention", "Months that raw events are kept.", usual.RetentionMonths);
        var horizon = Number("--duplicates-horizon", "Hours that an event_id is remembered.", usual.HorizonHours);
        var curated = Number("--curated", "Years that the ledger, hours and days are kept.", usual.CuratedYears);
        var replicas = new Option<int>("--replicas") { Description = "Copies of Redis and ClickHouse.", HelpName = "n", DefaultValueFactory = _ => usual.Replicas };
        var average = Number("--average-share", "The year's average rate as a share of the peak: storage and transfers follow it.", usual.AverageShare);
        var busiest = Number("--busiest-day-share", "The busiest day's rate as a share of the peak: memory of the duplicate horizon follows it.", usual.BusiestDayShare);
        var reads = Number("--reads-per-second", "Available-to-promise reads a second at the peak.", usual.ReadsPerSecond);
        var record = Number("--record-bytes", "Bytes of a record in Kafka.", usual.RecordBytes);
        var queries = new Option<int>("--query-vcpus") { Description = "vCPUs of each copy of ClickHouse for people's queries.", HelpName = "n", DefaultValueFactory = _ => usual.QueryVcpus };
        var contingency = Number("--contingency", "Share that is added for what nobody thought of.", usual.Contingency);
        var prices = new Option<FileInfo?>("--prices") { Description = "JSON file of unit prices: vcpuHour, memoryGibHour, diskGibMonth, objectGibMonth, backupGibMonth, zoneTransferGib, fixedMonth, otherEnvironmentsShare.", HelpName = "file" };
        var budget = new Option<double?>("--budget") { Description = "Dollars a month; exit code 1 where the sum is above.", HelpName = "n" };
        var format = LineageCommand.Format();
        var command = new Command("capacity", """
            Prints what a load needs (partitions, pods, Redis, ClickHouse, Kafka, storage) and costs a month, item by item, with every
            assumption. It is arithmetic on what was measured of this system; nothing is asked or changed.

            Exit codes: 0 done, 1 above --budget, 2 wrong usage.

            Examples:
              processor capacity --events-per-second 183000 --sku-locations 250000000 --budget 80000
              processor capacity --events-per-second 5000 --sku-locations 2000000 --average-share 0.4 --format json
            """)
        {
            events, positions, retention, horizon, curated, replicas, average, busiest, reads, record, queries, contingency, prices, budget, format,
        };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("processor capacity", async () =>
        {
            var isJson = parsed.GetValue(format) == "json";
            var limit = parsed.GetValue(budget);
            if (limit is { } dollars && !(dollars > 0))
            {
                throw new UsageException("--budget must be above 0.");
            }

            var plan = CapacityPlan.Of(
                new CapacityLoad
                {
                    PeakEventsPerSecond = parsed.GetValue(events),
                    SkuLocations = parsed.GetValue(positions),
                    RetentionMonths = parsed.GetValue(retention),
                    HorizonHours = parsed.GetValue(horizon),
                    CuratedYears = parsed.GetValue(curated),
                    Replicas = parsed.GetValue(replicas),
                    AverageShare = parsed.GetValue(average),
                    BusiestDayShare = parsed.GetValue(busiest),
                    ReadsPerSecond = parsed.GetValue(reads),
                    RecordBytes = parsed.GetValue(record),
                    QueryVcpus = parsed.GetValue(queries),
                    Contingency = parsed.GetValue(contingency),
                },
                await PricesAsync(parsed.GetValue(prices), token));
            var output = parsed.InvocationConfiguration.Output;
            if (isJson)
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(plan, Json));
            }
            else
            {
                await WriteAsync(plan, limit, output);
            }

            return plan.DollarsPerMonth > limit ? ExitCode.CheckFailed : ExitCode.Ok;
        }));
        return command;
    }

    private static Option<double> Number(string name, string description, double value) =>
        new(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => value };

    private static async Task<CapacityPrices> PricesAsync(FileInfo? file, CancellationToken token)
    {
        if (file is null)
        {
            return new CapacityPrices();
        }

        try
        {
            await using var stream = file.OpenRead();
            return await JsonSerializer.DeserializeAsync<CapacityPrices>(stream, Json, token) ?? throw new UsageException($"--prices: {file.Name} holds nothing.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new UsageException($"--prices: {file.Name}: {e.Message}");
        }
    }

    private static async Task WriteAsync(CapacityPlan plan, double? budget, TextWriter output)
    {
        var invariant = CultureInfo.InvariantCulture;
        var table = new TerminalTable("item", "machines", "vCPU each", "GiB each", "disk GiB", "object GiB", "$ a month");
        table.Align(1, 2, 3, 4, 5, 6);
        foreach (var item in plan.Items)
        {
            table.Add(item.Name, Text(item.Machines), Text(item.Vcpus), Text(item.MemoryGib), Text(item.DiskGib), Text(item.ObjectGib), item.DollarsPerMonth.ToString("N0", invariant));
        }

        table.Add("sum", "", "", "", "", "", plan.DollarsPerMonth.ToString("N0", invariant));
        await output.WriteLineAsync(string.Create(invariant, $"{plan.EventsPerDay:N0} events on an average day; {plan.Partitions:N0} partitions; {plan.RedisShards:N0} Redis {(plan.RedisShards == 1 ? "primary" : "primaries")}"));
        table.Write(output);
        if (budget is { } limit)
        {
            await output.WriteLineAsync(string.Create(invariant, $"{(plan.DollarsPerMonth > limit ? "above" : "within")} the budget of {limit:N0} $ a month"));
        }

        foreach (var line in plan.Assumptions)
        {
            await output.WriteLineAsync("- " + line);
        }

        string Text(double value) => value == 0 ? "" : value.ToString("N0", invariant);
    }
}
