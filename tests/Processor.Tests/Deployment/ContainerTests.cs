using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Stockflow.Commands;
using Stockflow.Decode;
using Stockflow.Source;
using Xunit;

namespace Stockflow.Tests.Deployment;

/// <summary>The container image and eng/compose.yaml: what they name exists, is pinned and is closed to others.</summary>
public sealed class ContainerTests
{
    private static readonly Regex Pinned = new(@"^[a-z0-9./-]+:v?\d+\.\d+[A-Za-z0-9.-]*$");
    private static readonly string Root = Repository.Root;
    private static readonly string Engine = Path.Combine(Root, "eng");
    private static readonly JsonNode Compose = Yaml.File(Path.Combine(Engine, "compose.yaml"));
    private static readonly JsonObject Services = Compose["services"]!.AsObject();

    [Fact]
    public void The_image_is_built_from_what_exists_and_runs_as_nobody()
    {
        var lines = Instructions(Path.Combine(Root, "processor", "Dockerfile"));
        var stages = lines.Where(line => line.Name == "FROM").Select(line => line.Text.Split(" AS ")).ToArray();
        Assert.All(stages, stage => Assert.Matches(Pinned, stage[0]));
        Assert.DoesNotContain(lines, line => line.Name is "ADD" or "ARG" or "ENV");
        var sent = File.ReadAllLines(Path.Combine(Root, "processor", "Dockerfile.dockerignore")).Where(line => line.StartsWith('!')).Select(line => line[1..]).ToArray();
        foreach (var copy in lines.Where(line => line.Name == "COPY"))
        {
            var words = copy.Text.Split(' ');
            if (words[0].StartsWith("--from=", StringComparison.Ordinal))
            {
                Assert.Contains(stages, stage => "--from=" + stage[1] == words[0]);
                continue;
            }

            Assert.All(words[..^1], source =>
            {
                Assert.True(Path.Exists(Path.Combine(Root, source)), source);
                Assert.Contains(source.TrimEnd('/'), sent);
            });
        }

        Assert.All(sent, path => Assert.True(Path.Exists(Path.Combine(Root, path)), path));
        var last = lines.SkipWhile(line => line.Text != string.Join(" AS ", stages[^1])).ToArray();
        Assert.Contains("chiseled", stages[^1][0], StringComparison.Ordinal);
        Assert.Equal(["1654"], last.Where(line => line.Name == "USER").Select(line => line.Text));
        Assert.DoesNotContain(last, line => line.Name == "RUN");
        Assert.Equal("""["dotnet", "/app/processor.dll"]""", last.Single(line => line.Name == "ENTRYPOINT").Text);
        Assert.Equal("processor", typeof(ProcessorOptions).Assembly.GetName().Name);
        Assert.Equal(RunCommand.Create().Name, (string)JsonNode.Parse(last.Single(line => line.Name == "CMD").Text)!.AsArray().Single()!);
        Assert.Contains(lines, line => line.Name == "RUN" && line.Text == "eng/setup build");
    }

    [Fact]
    public void Every_image_is_pinned_and_every_port_is_this_machine_s()
    {
        foreach (var (name, service) in Services)
        {
            Assert.Matches(Pinned, (string)service!["image"]!);
            Assert.All(service["ports"]?.AsArray() ?? [], port => Assert.Matches(@"^127\.0\.0\.1:\d+:\d+$", (string)port!));
            Assert.Null(service["privileged"]);
            Assert.Null(service["network_mode"]);
            foreach (var (other, condition) in service["depends_on"]?.AsObject() ?? [])
            {
                Assert.True(Services.ContainsKey(other), $"{name} waits for {other}");
                Assert.Equal((string)condition!["condition"]! == "service_healthy", Services[other]!["healthcheck"] is not null);
            }
        }

        var build = Services["processor"]!["build"]!;
        Assert.Equal(Root, Path.GetFullPath((string)build["context"]!, Engine));
        Assert.True(File.Exists(Path.Combine(Root, (string)build["dockerfile"]!)));
    }

    [Fact]
    public void Mounted_paths_and_volumes_exist_and_none_is_writable_in_the_checkout()
    {
        foreach (var mount in Services.SelectMany(service => service.Value!["volumes"]?.AsArray() ?? []).Select(volume => ((string)volume!).Split(':')))
        {
            if (!mount[0].StartsWith("..", StringComparison.Ordinal))
            {
                Assert.True(Compose["volumes"]!.AsObject().ContainsKey(mount[0]), mount[0]);
                continue;
            }

            Assert.Equal("ro", mount[2]);
            // The dashboards are generated, each at its place, and may not be there yet.
            Assert.True(Path.Exists(Path.GetFullPath(mount[0], Engine)) || mount[0] == "../dashboards/generated", mount[0]);
        }
    }

    [Fact]
    public void No_password_has_a_default_and_each_is_asked_for()
    {
        var text = File.ReadAllText(Path.Combine(Engine, "compose.yaml"));
        var variables = Regex.Matches(text, @"(?<!\$)\$\{?([A-Z_]+)([^}\n]*)\}").Select(match => (Name: match.Groups[1].Value, Text: match.Groups[2].Value)).ToArray();
        Assert.All(variables, variable => Assert.StartsWith(":?", variable.Text, StringComparison.Ordinal));
        foreach (var (key, value) in Services.SelectMany(service => service.Value!["environment"]?.AsObject() ?? []))
        {
            if (key.EndsWith("PASSWORD", StringComparison.Ordinal))
            {
                Assert.Matches(@"^\$\{STOCKFLOW_[A-Z]+_PASSWORD:\?[^}]+\}$", (string)value!);
            }
        }

        // Compose itself does not insist on the variable of a secret.
        Assert.All(Compose["secrets"]!.AsObject(), secret => Assert.Contains((string)secret.Value!["environment"]!, variables.Select(variable => variable.Name)));
    }

    [Fact]
    public void The_processor_knows_its_settings_and_finds_its_servers()
    {
        var processor = Services["processor"]!;
        foreach (var (key, value) in processor["environment"]!.AsObject())
        {
            var leaf = Assert.Single(Settings.Known, known => ("STOCKFLOW__" + known.Path.Replace(".", "__", StringComparison.Ordinal)).Equals(key, StringComparison.OrdinalIgnoreCase));
            Assert.False(leaf.IsSecret, key);
            if (leaf.Path.EndsWith("File", StringComparison.Ordinal))
            {
                Assert.Contains(Path.GetFileName((string)value!), processor["secrets"]!.AsArray().Select(secret => (string)secret!));
                Assert.StartsWith("/run/secrets/", (string)value!, StringComparison.Ordinal);
            }
        }

        Assert.All(processor["secrets"]!.AsArray(), secret => Assert.True(Compose["secrets"]!.AsObject().ContainsKey((string)secret!)));
        string Setting(string name) => (string)processor["environment"]!["STOCKFLOW__" + name]!;
        foreach (var address in new[] { "tcp://" + Setting("KAFKA__BOOTSTRAPSERVERS"), Setting("REGISTRY__URLS"), "tcp://" + Setting("POSITIONS__CONNECTION"), Setting("CLICKHOUSE__URL") })
        {
            Assert.True(processor["depends_on"]!.AsObject().ContainsKey(new Uri(address).Host) || new Uri(address).Host == "kafka", address);
        }

        Assert.Equal("http://schema-registry:8081", Setting("REGISTRY__URLS"));
        Assert.Equal((string)Services["clickhouse"]!["environment"]!["CLICKHOUSE_USER"]!, Setting("CLICKHOUSE__USER"));
        Assert.Equal((string)Services["clickhouse"]!["environment"]!["CLICKHOUSE_DB"]!, Setting("CLICKHOUSE__DATABASE"));
        var drain = int.Parse(Setting("KAFKA__DRAINSECONDS"), System.Globalization.CultureInfo.InvariantCulture);
        var grace = int.Parse(((string)processor["stop_grace_period"]!).TrimEnd('s'), System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(grace >= drain + RunCommand.StopTimeout.TotalSeconds + 10);
        Assert.True((bool)processor["read_only"]!);
    }

    [Fact]
    public void Redis_forgets_nothing_and_every_topic_is_made()
    {
        var redis = (string)Services["redis"]!["command"]![0]!;
        Assert.Contains("maxmemory-policy noeviction", redis, StringComparison.Ordinal);
        Assert.Contains("appendonly yes", redis, StringComparison.Ordinal);
        var kafka = new KafkaOptions();
        string[] wanted =
        [
            kafka.Topic, kafka.DeadLetterTopic, OrderStage.Topic, PurchaseOrderStage.Topic, ReferenceStage.SkuTopic, ReferenceStage.LocationTopic, ReferenceStage.SkuVendorTopic,
            "reference.vendor", VersionStage.PromotionTopic, VersionStage.CalendarTopic,
        ];
        var made = Regex.Matches((string)Services["topics"]!["command"]![0]!, @"^create (\S+) --partitions \d+ --config (\S+)$", RegexOptions.Multiline)
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        Assert.Equal(wanted.Order(), made.Keys.Order());
        Assert.All(made, topic => Assert.Equal(topic.Key.StartsWith("reference.", StringComparison.Ordinal), topic.Value == "cleanup.policy=compact"));
        Assert.Equal("false", (string)Services["kafka"]!["environment"]!["KAFKA_AUTO_CREATE_TOPICS_ENABLE"]!);
    }

    [Fact]
    public void Prometheus_Alertmanager_and_Grafana_find_each_other()
    {
        var prometheus = Yaml.File(Path.Combine(Root, "alerts", "prometheus.yml"));
        var scrape = prometheus["scrape_configs"]!.AsArray().Single()!;
        Assert.Equal("stockflow", (string)scrape["job_name"]!);
        var http = new Uri((string)Services["processor"]!["environment"]!["STOCKFLOW__HTTP__URLS"]!);
        Assert.Equal($"processor:{http.Port}", (string)scrape["static_configs"]![0]!["targets"]![0]!);
        Assert.Equal("alertmanager:9093", (string)prometheus["alerting"]!["alertmanagers"]![0]!["static_configs"]![0]!["targets"]![0]!);
        var mounts = Services["prometheus"]!["volumes"]!.AsArray().Select(volume => ((string)volume!).Split(':')[1]).ToArray();
        Assert.All(prometheus["rule_files"]!.AsArray(), file => Assert.Contains("/etc/prometheus/" + (string)file!, mounts));

        var alertmanager = Yaml.File(Path.Combine(Root, "alerts", "alertmanager.yml"));
        var receivers = alertmanager["receivers"]!.AsArray().Select(receiver => (string)receiver!["name"]!).ToArray();
        Assert.All(alertmanager["route"]!["routes"]!.AsArray().Append(alertmanager["route"]), route => Assert.Contains((string)route!["receiver"]!, receivers));

        var sources = Yaml.File(Path.Combine(Root, "dashboards", "provisioning", "datasources", "stockflow.yml"))["datasources"]!.AsArray();
        Assert.Equal(["prometheus", "clickhouse"], sources.Select(source => (string)source!["uid"]!));
        Assert.Equal("http://prometheus:9090", (string)sources[0]!["url"]!);
        var host = (string)sources[1]!["jsonData"]!["host"]!;
        Assert.True(Services.ContainsKey(host), host);
        Assert.StartsWith((string)sources[1]!["type"]! + "@", (string)Services["grafana"]!["environment"]!["GF_PLUGINS_PREINSTALL_SYNC"]!, StringComparison.Ordinal);
        Assert.True(Services["grafana"]!["environment"]!.AsObject().ContainsKey(((string)sources[1]!["secureJsonData"]!["password"]!)[1..]));
        var user = (string)sources[1]!["jsonData"]!["username"]!;
        var access = System.Xml.Linq.XDocument.Parse((string)Compose["configs"]!["clickhouse_grafana"]!["content"]!).Root!;
        Assert.Equal("2", access.Element("profiles")!.Element(access.Element("users")!.Element(user)!.Element("profile")!.Value)!.Element("readonly")!.Value);
        Assert.True(Services["clickhouse"]!["environment"]!.AsObject().ContainsKey(access.Element("users")!.Element(user)!.Element("password")!.Attribute("from_env")!.Value));
        var dashboards = Yaml.File(Path.Combine(Root, "dashboards", "provisioning", "dashboards", "stockflow.yml"));
        Assert.Contains("../dashboards/generated:" + (string)dashboards["providers"]![0]!["options"]!["path"]! + ":ro", Services["grafana"]!["volumes"]!.AsArray().Select(volume => (string)volume!));
    }

    private static List<(string Name, string Text)> Instructions(string file)
    {
        var text = string.Join('\n', File.ReadAllLines(file).Where(line => !line.StartsWith('#') && line.Length > 0)).Replace("\\\n", "", StringComparison.Ordinal);
        return [.. text.Split('\n').Select(line => (line[..line.IndexOf(' ', StringComparison.Ordinal)], line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..].Trim()))];
    }
}
