using System.CommandLine;
using System.Globalization;
using Confluent.Kafka;
using Stockflow.Decode;
using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>The servers that terminal commands talk to: by option, else by environment, else those of a running demo.</summary>
internal static class Peers
{
    public const string Help = """
        Addresses come from the option, else from the environment (STOCKFLOW_HTTP_URL, STOCKFLOW_CLICKHOUSE_URL,
        STOCKFLOW_BOOTSTRAP_SERVERS, STOCKFLOW_REGISTRY_URL), else from the demo that runs on this machine.
        """;

    public static Option<string?> HttpUrl() => new("--http-url") { Description = "Address of a processor's HTTP API.", HelpName = "url" };

    public static Option<string?> ApiKeyFile() => new("--api-key-file") { Description = "File whose first line is the key of the HTTP API, or its name and the key.", HelpName = "file" };

    public static Option<string?> ClickHouseUrl() => new("--clickhouse-url") { Description = "Address of ClickHouse's HTTP interface.", HelpName = "url" };

    public static Option<string?> RegistryUrl() => new("--registry-url") { Description = "Schema registry.", HelpName = "url" };

    public static Uri Http(string? option) => Address(option, "STOCKFLOW_HTTP_URL", demo => demo.Http, "--http-url");

    /// <summary>A client; user, password and database come from STOCKFLOW_CLICKHOUSE_USER, _PASSWORD and _DATABASE.</summary>
    public static ClickHouseClient ClickHouse(string? option)
    {
        var defaults = new ClickHouseOptions();
        return new ClickHouseClient(defaults with
        {
            Url = Address(option, "STOCKFLOW_CLICKHOUSE_URL", demo => demo.ClickHouse, "--clickhouse-url"),
            User = Environment.GetEnvironmentVariable("STOCKFLOW_CLICKHOUSE_USER") ?? defaults.User,
            Password = Environment.GetEnvironmentVariable("STOCKFLOW_CLICKHOUSE_PASSWORD") ?? defaults.Password,
            Database = Environment.GetEnvironmentVariable("STOCKFLOW_CLICKHOUSE_DATABASE") ?? defaults.Database,
            // Somebody waits at a terminal.
            MaxRetries = 1,
        });
    }

    /// <summary>Schemas of a registry, else of the folder that is delivered with the program.</summary>
    public static ISchemaSource Schemas(string? option)
    {
        var url = option ?? Environment.GetEnvironmentVariable("STOCKFLOW_REGISTRY_URL") ?? DemoState.Find()?.Registry;
        return url is null
            ? new FolderSchemaSource(SchemaCatalog.DefaultFolder)
            : new SchemaRegistryClient(new SchemaRegistryOptions(url, Tries: 2,
                UserInfo: Environment.GetEnvironmentVariable("STOCKFLOW_REGISTRY_USER_INFO")));
    }

    private static Uri Address(string? option, string variable, Func<DemoState, string> ofDemo, string name)
    {
        var text = option ?? Environment.GetEnvironmentVariable(variable) ?? (DemoState.Find() is { } demo ? ofDemo(demo) : null)
            ?? throw new SetupException($"no address: give {name}, set {variable}, or run 'processor demo --keep'");
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new UsageException($"{name} '{text}' must look like http://HOST:PORT");
    }

    /// <summary>How a terminal command reaches Kafka.</summary>
    internal sealed class KafkaFlags
    {
        private readonly Option<string?> bootstrap = new("--bootstrap-servers") { Description = "Brokers as host:port, comma-separated.", HelpName = "list" };
        private readonly Option<string[]> config = new("--kafka-config") { Description = "A librdkafka client property, such as security.protocol=SASL_SSL. Repeatable.", HelpName = "key=value" };
        private readonly Option<string?> configFile = new("--kafka-config-file") { Description = "File of key=value client properties, for secrets.", HelpName = "file" };

        public void AddTo(Command command)
        {
            command.Options.Add(bootstrap);
            command.Options.Add(config);
            command.Options.Add(configFile);
        }

        public ClientConfig Read(ParseResult parsed)
        {
            var servers = parsed.GetValue(bootstrap) ?? Environment.GetEnvironmentVariable("STOCKFLOW_BOOTSTRAP_SERVERS") ?? DemoState.Find()?.Kafka
                ?? throw new SetupException("no Kafka address: give --bootstrap-servers, set STOCKFLOW_BOOTSTRAP_SERVERS, or run 'processor demo --keep'");
            var lines = parsed.GetValue(configFile) is { } file
                ? File.Exists(file) ? File.ReadAllLines(file) : throw new SetupException($"--kafka-config-file names '{file}', which does not exist")
                : [];
            var properties = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var line in lines.Concat(parsed.GetValue(config) ?? []).Select(line => line.Trim()))
            {
                if (line.Length == 0 || line[0] == '#')
                {
                    continue;
                }

                var at = line.IndexOf('=', StringComparison.Ordinal);
                properties[at > 0 ? line[..at].Trim() : throw new UsageException($"client property '{line}' must look like key=value")] = line[(at + 1)..].Trim();
            }

            return new ClientConfig(properties) { BootstrapServers = servers };
        }
    }

    /// <summary>The time that an option such as <c>--since</c> names: ISO 8601, or a duration back from now such as 90s, 15m, 2h, 7d.</summary>
    internal static DateTime Since(string text, TimeProvider time, string option = "--since")
    {
        var seconds = text.Length > 1 ? text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 } : 0;
        if (seconds > 0 && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count))
        {
            return time.GetUtcNow().UtcDateTime.AddSeconds(-count * seconds);
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant)
            ? instant.UtcDateTime
            : throw new UsageException($"{option} '{text}' must be a time such as 2026-03-01T12:00:00Z or a duration such as 15m");
    }
}
