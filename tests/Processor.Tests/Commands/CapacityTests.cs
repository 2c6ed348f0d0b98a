using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Stockflow.Commands;
using Xunit;

namespace Stockflow.Tests.Commands;

public sealed class CapacityTests
{
    // 2,400 stores and 28 distribution centres, 1.2 million SKUs: 150,000 + 25,000 + 8,000 events a second at the peak.
    private static readonly CapacityLoad Brief = new() { PeakEventsPerSecond = 183_000, SkuLocations = 250_000_000 };

    [Fact]
    public void The_whole_chain_stays_below_eighty_thousand_dollars_a_month()
    {
        var plan = CapacityPlan.Of(Brief, new CapacityPrices());
        Assert.InRange(plan.DollarsPerMonth, 10_000, 80_000);
        Assert.Equal(plan.Items.Sum(item => item.DollarsPerMonth), plan.DollarsPerMonth, 6);
        Assert.Equal(128, plan.Partitions);
        Assert.Equal(1, plan.RedisShards);
        Assert.Equal(183_000 * 0.25 * 86_400, plan.EventsPerDay);
        // Worked out by hand from the measured figures.
        var redis = plan.Items.Single(item => item.Name == "Redis");
        Assert.Equal(Math.Ceiling(1.5 * ((250e6 * 123) + (183_000 * 0.5 * 86_400 * 20)) / (1 << 30)), redis.MemoryGib);
        var kafka = plan.Items.Single(item => item.Name == "Kafka");
        Assert.Equal(183_000 * 0.5 * 86_400 * 7 * 200 * 3 / 0.7 / (1 << 30), kafka.DiskGib, 3);
        var clickHouse = plan.Items.Single(item => item.Name == "ClickHouse");
        // Thirteen months of raw events are most certainly in there, twice.
        Assert.True(clickHouse.ObjectGib > 2 * 183_000 * 0.25 * 86_400 * 360 * 40.8 / (1 << 30));
    }

    [Fact]
    public void More_load_never_costs_less_and_each_flag_moves_the_sum()
    {
        var usual = CapacityPlan.Of(Brief, new CapacityPrices()).DollarsPerMonth;
        CapacityLoad[] larger =
        [
            Brief with { PeakEventsPerSecond = 400_000 }, Brief with { SkuLocations = 500_000_000 }, Brief with { RetentionMonths = 26 }, Brief with { HorizonHours = 72 },
            Brief with { CuratedYears = 7 }, Brief with { Replicas = 3 }, Brief with { AverageShare = 0.5 }, Brief with { BusiestDayShare = 0.9 }, Brief with { ReadsPerSecond = 1_000_000 },
            Brief with { RecordBytes = 400 }, Brief with { QueryVcpus = 64 }, Brief with { Contingency = 0.5 },
        ];
        Assert.All(larger, load => Assert.True(CapacityPlan.Of(load, new CapacityPrices()).DollarsPerMonth > usual, load.ToString()));
        var peaks = new[] { 1.0, 10, 1000, 5000, 20_000, 100_000, 183_000, 500_000, 2_000_000 }
            .Select(peak => CapacityPlan.Of(Brief with { PeakEventsPerSecond = peak }, new CapacityPrices()).DollarsPerMonth).ToArray();
        Assert.Equal(peaks.Order(), peaks);
    }

    [Fact]
    public void What_was_measured_is_what_the_readme_says()
    {
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        var own = File.ReadAllText(Path.Combine(Repository.Root, "processor", "README.md"));
        string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
        Assert.Contains(Text($"| {CapacityPlan.ProcessorMicroseconds}, {CapacityPlan.ClickHouseMicroseconds}, {CapacityPlan.RedisMicroseconds}, "), readme, StringComparison.Ordinal);
        Assert.Contains(Text($"reached, freshness P95 | {CapacityPlan.SustainedEventsPerSecond:N0} events/s, "), readme, StringComparison.Ordinal);
        Assert.Contains(Text($"{CapacityPlan.SustainedPartitions} partitions"), readme, StringComparison.Ordinal);
        Assert.Contains(Text($"answers/s | {CapacityPlan.AtpAnswersPerSecond:N0}; "), readme, StringComparison.Ordinal);
        Assert.Contains(Text($"bytes an event | 18,186,947, {CapacityPlan.FingerprintBytes} |"), readme, StringComparison.Ordinal);
        Assert.Contains(Text($"`SET NX EX`, bytes an event | {CapacityPlan.RedisFingerprintBytes:0.0} against"), readme, StringComparison.Ordinal);
        Assert.Contains(Text($"{CapacityPlan.PositionBytes} bytes a position"), own, StringComparison.Ordinal);
        Assert.Contains(Text($"then {CapacityPlan.CloseSecondsPerMillionRows} s for a million rows"), own, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--events-per-second", "0")]
    [InlineData("--events-per-second", "NaN")]
    [InlineData("--sku-locations", "-1")]
    [InlineData("--retention", "-1")]
    [InlineData("--duplicates-horizon", "0")]
    [InlineData("--curated", "101")]
    [InlineData("--replicas", "0")]
    [InlineData("--average-share", "1.1")]
    [InlineData("--busiest-day-share", "0.1")]
    [InlineData("--reads-per-second", "-5")]
    [InlineData("--record-bytes", "1")]
    [InlineData("--query-vcpus", "-1")]
    [InlineData("--contingency", "-0.1")]
    [InlineData("--budget", "0")]
    [InlineData("--prices", "/nowhere/prices.json")]
    public async Task A_flag_that_can_not_be_is_named(string flag, string value)
    {
        using var errors = new StringWriter();
        var before = Console.Error;
        Console.SetError(errors);
        try
        {
            var flags = new Dictionary<string, string> { ["--events-per-second"] = "1000", ["--sku-locations"] = "1000", [flag] = value };
            Assert.Equal(ExitCode.Usage, (await RunAsync([.. flags.SelectMany(pair => (string[])[pair.Key, pair.Value])])).Code);
        }
        finally
        {
            Console.SetError(before);
        }

        Assert.Contains(flag, errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_budget_is_a_check_and_prices_come_from_a_file()
    {
        string[] load = ["--events-per-second", "183000", "--sku-locations", "250000000"];
        var (code, text) = await RunAsync([.. load, "--budget", "80000"]);
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("within the budget of 80,000 $ a month", text, StringComparison.Ordinal);
        Assert.Contains("128 partitions; 1 Redis primary", text, StringComparison.Ordinal);
        Assert.Contains("25 % of it on average", text, StringComparison.Ordinal);
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync([.. load, "--budget", "5000"])).Code);

        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, """{ "vcpuHour": 0, "memoryGibHour": 0, "diskGibMonth": 0, "objectGibMonth": 0, "backupGibMonth": 0, "zoneTransferGib": 0, "fixedMonth": 100 }""");
        using var plan = JsonDocument.Parse((await RunAsync([.. load, "--prices", file, "--contingency", "0.5", "--format", "json"])).Output);
        Assert.Equal(150, plan.RootElement.GetProperty("dollarsPerMonth").GetDouble());
        await File.WriteAllTextAsync(file, """{ "vcpuHours": 1 }""");
        Assert.Equal(ExitCode.Usage, (await RunAsync([.. load, "--prices", file])).Code);
        File.Delete(file);
    }

    private static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        await using var output = new StringWriter { NewLine = "\n" };
        var code = await CapacityCommand.Create().Parse(arguments).InvokeAsync(new InvocationConfiguration { Output = output });
        return (code, output.ToString());
    }
}
