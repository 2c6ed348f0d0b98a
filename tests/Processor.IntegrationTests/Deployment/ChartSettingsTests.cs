using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stockflow.Commands;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Deployment;

/// <summary>The chart and the processor mean the same settings.</summary>
public sealed class ChartSettingsTests
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // The chart sets these itself, and those that end in File from its secretFiles.
    private static readonly string[] Own = ["http.urls", "kafka.instanceId"];

    // What the templates build on, and where a secret could hide in a value that is none.
    private static readonly Dictionary<string, string> Narrower = new()
    {
        // The process ends itself two minutes after SIGTERM, whatever is left.
        ["kafka.drainSeconds"] = """{ "minimum": 1, "maximum": 90 }""",
        ["kafka.sessionTimeoutMilliseconds"] = """{ "minimum": 6000, "maximum": 1800000 }""",
        ["kafka.bootstrapServers"] = """{ "minLength": 1, "pattern": "^[^@/]+$" }""",
        ["kafka.properties"] = """{ "propertyNames": { "not": { "pattern": "password|secret|\\.pem$|oauthbearer\\.config|^ssl\\.(ca|key|certificate)\\.location$" } } }""",
        ["registry.urls"] = """{ "not": { "pattern": "@" } }""",
        ["positions.connection"] = """{ "minLength": 1, "not": { "pattern": "^memory$|[pP]assword=" } }""",
        ["traces.endpoint"] = """{ "pattern": "^(https?://[^@]+)?$" }""",
        ["clickhouse.url"] = """{ "pattern": "^https?://[^@?]+$" }""",
    };

    public static TheoryData<string> Values => [.. Helm.Values];

    [Theory]
    [MemberData(nameof(Values))]
    public async Task The_processor_takes_what_the_chart_mounts(string values)
    {
        var chart = await RenderedChart.OfAsync(values);
        var root = Directory.CreateTempSubdirectory("stockflow-pod-").FullName;
        foreach (var command in new[] { RunCommand.Create(), MigrateCommand.Create() })
        {
            var pod = chart.Pods.SingleOrDefault(p => (string?)p.Spec["containers"]![0]!["args"]?[0] == command.Name).Spec;
            if (pod is null)
            {
                Assert.Equal("open migrate", $"{values} {command.Name}");
                continue;
            }

            var folder = Path.Combine(root, command.Name);
            var parsed = new RootCommand { command }.Parse(chart.Mount(pod, folder));
            Assert.Empty(parsed.Errors);
            var options = Settings.Load(parsed.GetValue<string?>("--config"), parsed);
            var files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(file => file.Contains("/secrets/", StringComparison.Ordinal));
            var text = await File.ReadAllTextAsync(parsed.GetValue<string?>("--config")!);
            Assert.All(files, file => Assert.Contains($"\"{file}\"", text, StringComparison.Ordinal));
            foreach (var variable in pod["containers"]![0]!["env"]?.AsArray() ?? [])
            {
                Assert.Contains(Settings.Known, leaf => ("STOCKFLOW__" + leaf.Path.Replace(".", "__", StringComparison.Ordinal)).Equals((string)variable!["name"]!, StringComparison.OrdinalIgnoreCase));
            }

            if (command.Name == "run")
            {
                Assert.Equal("metadata.name", (string?)pod["containers"]![0]!["env"]!.AsArray().Single(v => (string?)v!["name"] == "STOCKFLOW__KAFKA__INSTANCEID")!["valueFrom"]!["fieldRef"]!["fieldPath"]);
                Assert.Equal(8080, Assert.Single(options.Http.Addresses()).Port);
                // Beyond what the drain and the leave take at most there is time for requests in flight.
                Assert.True((int)pod["terminationGracePeriodSeconds"]! >= options.Kafka.DrainSeconds + RunCommand.StopTimeout.TotalSeconds + 10);
                CheckPorts(chart, options);
            }
        }

        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task Every_setting_and_every_file_can_be_given()
    {
        var path = Path.Combine(Helm.Chart, "values.schema.json");
        var text = await File.ReadAllTextAsync(path);
        var schema = JsonNode.Parse(text)!;
        schema["$defs"]!["settings"] = Describe();
        var expected = schema.ToJsonString(Indented) + "\n";
        if (Environment.GetEnvironmentVariable("STOCKFLOW_WRITE_GOLDEN") == "1")
        {
            await File.WriteAllTextAsync(path, expected);
            text = expected;
        }

        // Settings were added or changed: STOCKFLOW_WRITE_GOLDEN=1 writes them into the chart's schema.
        Assert.Equal(expected, text);
        var helpers = await File.ReadAllTextAsync(Path.Combine(Helm.Chart, "templates", "_helpers.tpl"));
        Assert.All(Settings.Known.Where(IsFile), leaf => Assert.Contains($": [{leaf.Path.Replace(".", ", ", StringComparison.Ordinal)}]\n", helpers, StringComparison.Ordinal));
    }

    private static bool IsFile(Settings.Leaf leaf) => leaf.Path.EndsWith("File", StringComparison.Ordinal);

    private static JsonObject Describe()
    {
        var all = Object();
        all["description"] = "The processor's settings; written by ChartSettingsTests from its options.";
        foreach (var leaf in Settings.Known.Where(leaf => !leaf.IsSecret && !IsFile(leaf) && !Own.Contains(leaf.Path)))
        {
            var names = leaf.Path.Split('.');
            var parent = all;
            foreach (var name in names[..^1])
            {
                parent["properties"]![name] ??= Object();
                parent = parent["properties"]![name]!.AsObject();
            }

            var described = Type(leaf.IsMap ? leaf.Type.GetGenericArguments()[1] : leaf.Type);
            if (leaf.IsMap)
            {
                described = new JsonObject { ["type"] = "object", ["additionalProperties"] = described };
            }

            foreach (var (key, value) in Narrower.TryGetValue(leaf.Path, out var more) ? JsonNode.Parse(more)!.AsObject() : [])
            {
                described[key] = value?.DeepClone();
            }

            parent["properties"]![names[^1]] = described;
        }

        foreach (var (section, required) in new[] { ("kafka", "bootstrapServers"), ("positions", "connection"), ("clickhouse", "url") })
        {
            all["properties"]![section]!["required"] = new JsonArray(required);
        }

        all["required"] = new JsonArray("kafka", "positions", "clickhouse");
        return all;

        static JsonObject Object() => new() { ["type"] = "object", ["additionalProperties"] = false, ["properties"] = new JsonObject() };
    }

    private static JsonObject Type(Type type) =>
        type.IsEnum ? new() { ["enum"] = new JsonArray([.. Enum.GetNames(type).Select(name => (JsonNode)name)]) }
        : new() { ["type"] = type == typeof(bool) ? "boolean" : type == typeof(int) || type == typeof(long) ? "integer" : type == typeof(double) || type == typeof(decimal) ? "number" : "string" };

    // The ports of the addresses, worked out apart from the templates.
    private static void CheckPorts(RenderedChart chart, ProcessorOptions options)
    {
        if (chart.Of("NetworkPolicy").SingleOrDefault(policy => RenderedChart.Name(policy).EndsWith("-processor", StringComparison.Ordinal)) is not { } policy)
        {
            return;
        }

        var open = policy["spec"]!["egress"]!.AsArray().SelectMany(rule => rule!["ports"]!.AsArray()).Select(port => (int)port!["port"]!).ToHashSet();
        var wanted = options.Kafka.BootstrapServers.Split(',').Concat(options.Positions.Connection.Split(',')).Select(address => new Uri("tcp://" + address).Port)
            .Concat(options.Registry.Addresses().Append(options.Clickhouse.Url).Select(url => url.Port))
            .Concat(options.Traces.Endpoint.Length > 0 ? [new Uri(options.Traces.Endpoint).Port] : [])
            .Append(53);
        Assert.All(wanted, port => Assert.Contains(port, open));
    }
}
