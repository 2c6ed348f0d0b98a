using System.CommandLine;

namespace Stockflow.Benchmarks;

/// <summary><c>bench outage</c>: memory through the outage of a sink.</summary>
internal static class OutageCommand
{
    public static Command Create()
    {
        var defaults = new OutageOptions { Sink = OutageSink.ClickHouse };
        var sink = new Option<OutageSink>("--sink") { Description = "Server that is stopped: clickhouse (killed) or redis (SIGSTOP).", HelpName = "name", Required = true };
        var minutes = new Option<double>("--minutes") { Description = "Length of the outage.", HelpName = "n", DefaultValueFactory = _ => defaults.Minutes };
        var rate = new Option<double>("--events-per-second") { Description = "Rate of the producer, which goes on all the time.", HelpName = "n", DefaultValueFactory = _ => defaults.EventsPerSecond };
        var partitions = new Option<int>("--partitions") { Description = "Partitions of the topic; 0 for as many as the whole run needs.", HelpName = "n" };
        var before = new Option<int>("--before-seconds") { Description = "Load before the outage.", HelpName = "n", DefaultValueFactory = _ => defaults.BeforeSeconds };
        var after = new Option<int>("--after-seconds") { Description = "Load after the outage, until the producer stops.", HelpName = "n", DefaultValueFactory = _ => defaults.AfterSeconds };
        var inFlight = new Option<int>("--in-flight-megabytes") { Description = "kafka.inFlightMegabytes of the processor.", HelpName = "n", DefaultValueFactory = _ => defaults.InFlightMegabytes };
        var command = new Command("outage", """
            Stops ClickHouse or Redis under load and shows the processor's memory, lag and history gap before, during and after.

            Exit codes: 0 memory stayed below its bound and the result is right, 1 it did not, it is not, or a server failed, 2 wrong usage.

            Examples:
              eng/bench outage --minutes 5 --sink clickhouse
              eng/bench outage --minutes 0.5 --sink redis --events-per-second 10000 --before-seconds 20
            """)
        {
            sink, minutes, rate, partitions, before, after, inFlight,
        };
        command.SetAction((parsed, token) => Guard.RunAsync(async () =>
        {
            var options = new OutageOptions
            {
                Sink = parsed.GetValue(sink),
                Minutes = parsed.GetValue(minutes),
                EventsPerSecond = parsed.GetValue(rate),
                Partitions = parsed.GetValue(partitions),
                BeforeSeconds = parsed.GetValue(before),
                AfterSeconds = parsed.GetValue(after),
                InFlightMegabytes = parsed.GetValue(inFlight),
            };
            options.Validate();
            await Console.Out.WriteLineAsync(await OutageBenchmark.RunAsync(options, token));
        }));
        return command;
    }
}
