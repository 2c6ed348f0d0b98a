using System.CommandLine;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>The options that say what load to generate, shared by <c>produce</c> and <c>demo</c>.</summary>
internal sealed class LoadSettings(long defaultEvents, double defaultRate)
{
    public Option<long?> Events { get; } = new("--events") { Description = $"Events to send. Default: {defaultEvents}, or no end with --seconds.", HelpName = "n" };

    public Option<double?> Seconds { get; } = new("--seconds") { Description = "Stop after this many seconds.", HelpName = "n" };

    public Option<double> Rate { get; } = new("--rate") { Description = "Events a second at most; 0 for as fast as they are taken.", HelpName = "n", DefaultValueFactory = _ => defaultRate };

    public Option<long> Seed { get; } = new("--seed") { Description = "The same seed and end time give the same events.", HelpName = "n", DefaultValueFactory = _ => 1 };

    public Option<int> Skus { get; } = new("--skus") { Description = "Stock keeping units.", HelpName = "n", DefaultValueFactory = _ => 2000 };

    public Option<int> Locations { get; } = new("--locations") { Description = "Stores and distribution centres.", HelpName = "n", DefaultValueFactory = _ => 32 };

    public Option<DateTimeOffset?> EndTime { get; } = new("--end-time") { Description = "Event time that the load leads up to. Default: now. Give it to repeat a load exactly.", HelpName = "time" };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { Events, Seconds, Rate, Seed, Skus, Locations, EndTime })
        {
            command.Options.Add(option);
        }
    }

    /// <exception cref="SetupException">A value is outside its range.</exception>
    public (GeneratorOptions Generator, double Rate, TimeSpan Duration) Read(ParseResult parsed)
    {
        var seconds = parsed.GetValue(Seconds) ?? 0;
        var rate = parsed.GetValue(Rate);
        if (!(seconds >= 0 && seconds <= 1e8) || !(rate >= 0 && rate <= 1e9))
        {
            throw new SetupException("--seconds and --rate must be 0 or more.");
        }

        var now = parsed.GetValue(EndTime) ?? DateTimeOffset.UtcNow;
        var generator = new GeneratorOptions
        {
            Events = parsed.GetValue(Events) ?? (seconds > 0 ? 0 : defaultEvents),
            Seed = parsed.GetValue(Seed),
            Skus = parsed.GetValue(Skus),
            Locations = parsed.GetValue(Locations),
            End = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds()),
        };
        generator.Validate();
        return (generator, rate, TimeSpan.FromSeconds(seconds));
    }

    /// <summary>
    /// Registers the schemas of the load's records and returns their ids by record name; without a registry those that the schema folder has.
    /// </summary>
    /// <exception cref="SetupException">The registry refuses one, or the folder can not be used.</exception>
    /// <exception cref="StoreUnavailableException">The registry does not answer.</exception>
    public static async Task<Func<string, int>> SchemaIdsAsync(string? registryUrl, CancellationToken token)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        using var registry = registryUrl is null ? null : new SchemaRegistryClient(WithCredentials(registryUrl));
        foreach (var schema in SchemaCatalog.Load(SchemaCatalog.DefaultFolder))
        {
            var name = schema.Record[(schema.Record.LastIndexOf('.') + 1)..];
            ids[name] = registry is null ? schema.Id : await registry.RegisterAsync(schema.Subject, AvroSchema.Parse(schema.Text), token);
        }

        return name => ids.TryGetValue(name, out var id) ? id : throw new SetupException($"the schema folder has no record {name}.");
    }

    private static SchemaRegistryOptions WithCredentials(string url)
    {
        var user = Environment.GetEnvironmentVariable("STOCKFLOW_REGISTRY_USER_INFO");
        return new SchemaRegistryOptions(url, UserInfo: string.IsNullOrEmpty(user) ? null : user);
    }
}
