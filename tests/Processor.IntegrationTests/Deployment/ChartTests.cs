using System.Formats.Tar;
using System.IO.Compression;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Tests;
using Stockflow.Tests.Deployment;
using Xunit;

namespace Stockflow.IntegrationTests.Deployment;

/// <summary>What the chart makes of the sets of values in its ci folder.</summary>
public sealed class ChartTests
{
    private static readonly bool WriteGolden = Environment.GetEnvironmentVariable("STOCKFLOW_WRITE_GOLDEN") == "1";
    private static readonly string[] AllApis = [RenderedChart.Prometheus, RenderedChart.Keda];

    public static TheoryData<string> Values => [.. Helm.Values];

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Lint_finds_nothing_and_the_objects_are_as_they_were_looked_at(string values)
    {
        await Helm.OutputAsync("lint", "--strict", Helm.Chart, "-f", Helm.ValuesFile(values));
        var golden = Path.Combine(Repository.Root, "tests", "Processor.IntegrationTests", "Deployment", "Golden", values + ".yaml");
        // Rules and dashboards change for reasons of their own; they are compared with their sources below.
        var text = string.Join("---\n", (await Helm.TemplateAsync(values, AllApis)).Split("---\n").Where(part =>
            !part.Contains("kind: PrometheusRule\n", StringComparison.Ordinal) && !part.Contains("grafana_dashboard:", StringComparison.Ordinal)));
        if (WriteGolden)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(golden)!);
            await File.WriteAllTextAsync(golden, text);
        }

        // STOCKFLOW_WRITE_GOLDEN=1 writes the files anew; look at the difference before you keep it.
        Assert.Equal(await File.ReadAllTextAsync(golden), text);
    }

    [Fact]
    public async Task The_schemas_of_Kubernetes_accept_every_object_and_no_spoiled_one()
    {
        var objects = new JsonArray();
        foreach (var values in Helm.Values)
        {
            foreach (var item in (await RenderedChart.OfAsync(values, AllApis)).Objects)
            {
                objects.Add(item.DeepClone());
            }
        }

        Assert.Equal("", await JudgeAsync(objects));
        var spoiled = new JsonArray([.. objects.Select(item => item!.DeepClone())]);
        foreach (var item in spoiled)
        {
            item!["metadata"]!["name"] = new JsonArray();
            item["unknown"] = 1;
        }

        var faults = (await JudgeAsync(spoiled)).Split('\n');
        Assert.Equal(spoiled.Count, faults.Count(line => line.Contains("name must be string", StringComparison.Ordinal)));
        Assert.Equal(spoiled.Count, faults.Count(line => line.EndsWith("/unknown: unknown field", StringComparison.Ordinal)));
        Assert.Equal(
            ["HorizontalPodAutoscaler", "Ingress", "Job", "NetworkPolicy", "Pod", "PodDisruptionBudget", "PrometheusRule", "ScaledObject", "Service", "ServiceAccount", "ServiceMonitor", "StatefulSet"],
            objects.Select(item => RenderedChart.Kind(item!)).Where(kind => kind != "ConfigMap").Distinct().Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Every_pod_keeps_to_the_restricted_profile(string values)
    {
        var chart = await RenderedChart.OfAsync(values, AllApis);
        Assert.Contains(chart.Pods, pod => pod.Name.StartsWith("StatefulSet", StringComparison.Ordinal));
        foreach (var (name, spec, _) in chart.Pods)
        {
            Assert.False((bool)spec["automountServiceAccountToken"]!, name);
            Assert.All(new[] { "hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers" }, field => Assert.Null(spec[field]));
            var security = spec["securityContext"]!;
            Assert.True((bool)security["runAsNonRoot"]!, name);
            Assert.NotEqual(0, (int)security["runAsUser"]!);
            Assert.Equal("RuntimeDefault", (string)security["seccompProfile"]!["type"]!);
            foreach (var volume in spec["volumes"]!.AsArray())
            {
                Assert.Contains(volume!.AsObject().Select(pair => pair.Key).Single(key => key != "name"), new[] { "configMap", "secret", "projected", "emptyDir" });
            }

            foreach (var container in spec["containers"]!.AsArray())
            {
                var own = container!["securityContext"]!;
                Assert.Equal(["ALL"], own["capabilities"]!["drop"]!.AsArray().Select(capability => (string)capability!));
                Assert.Null(own["capabilities"]!["add"]);
                Assert.Null(own["privileged"]);
                Assert.False((bool)own["allowPrivilegeEscalation"]!, name);
                Assert.True((bool)own["readOnlyRootFilesystem"]!, name);
                Assert.Contains(container["volumeMounts"]!.AsArray(), mount => (string)mount!["mountPath"]! == "/tmp");
                Assert.All(container["ports"]?.AsArray() ?? [], port => Assert.Null(port!["hostPort"]));
                Assert.DoesNotContain(":latest", (string)container["image"]!, StringComparison.Ordinal);
                foreach (var kind in new[] { "requests", "limits" })
                {
                    Assert.Equal(["cpu", "memory"], container["resources"]![kind]!.AsObject().Select(pair => pair.Key).Order(StringComparer.Ordinal));
                }

                // What is secret comes as a file: variables and arguments are for everybody to read who may look at the pod.
                Assert.All(container["env"]?.AsArray() ?? [], variable => Assert.Null(variable!["valueFrom"]?["secretKeyRef"]));
                Assert.Null(container["envFrom"]);
            }
        }

        Assert.Empty(chart.Of("Secret"));
    }

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Selectors_find_what_they_are_meant_for(string values)
    {
        var chart = await RenderedChart.OfAsync(values, AllApis);
        var workers = chart.Of("StatefulSet").Single()["spec"]!;
        var labels = workers["template"]!["metadata"]!["labels"]!.AsObject();
        Assert.True(RenderedChart.Selects(workers["selector"]!["matchLabels"]!, labels));
        Assert.Contains(chart.Of("Service"), service => RenderedChart.Name(service) == (string)workers["serviceName"]! && (string?)service["spec"]!["clusterIP"] == "None");
        JsonNode[] selectors =
        [
            .. chart.Of("Service").Select(service => service["spec"]!["selector"]!),
            chart.Of("PodDisruptionBudget").Single()["spec"]!["selector"]!["matchLabels"]!,
            .. (workers["template"]!["spec"]!["topologySpreadConstraints"]?.AsArray() ?? []).Select(spread => spread!["labelSelector"]!["matchLabels"]!),
        ];
        Assert.All(selectors, selector => Assert.Equal([true], chart.Pods.Where(pod => RenderedChart.Selects(selector, pod.Labels)).Select(pod => pod.Labels == labels)));
        foreach (var monitor in chart.Of("ServiceMonitor"))
        {
            // Each pod once, though two services have it; and as the job that rules and dashboards name.
            var service = chart.Of("Service").Single(item => RenderedChart.Selects(monitor["spec"]!["selector"]!["matchLabels"]!, item["metadata"]!["labels"]!.AsObject()));
            Assert.Equal("None", (string?)service["spec"]!["clusterIP"]);
            Assert.Equal("stockflow", (string?)service["metadata"]!["labels"]![(string)monitor["spec"]!["jobLabel"]!]);
        }

        if (chart.Of("NetworkPolicy") is { Count: > 0 } policies)
        {
            foreach (var (name, _, podLabels) in chart.Pods)
            {
                var about = policies.Where(policy => RenderedChart.Selects(policy["spec"]!["podSelector"]!["matchLabels"]!, podLabels)).ToArray();
                Assert.True(about.Length >= 2, name + " has no policy of its own beside the one that denies all");
                Assert.All(about, policy => Assert.Equal(["Ingress", "Egress"], policy["spec"]!["policyTypes"]!.AsArray().Select(type => (string)type!)));
                Assert.Contains(about, policy => policy["spec"]!["ingress"] is null && policy["spec"]!["egress"] is null);
                Assert.All(about.SelectMany(policy => policy["spec"]!["egress"]?.AsArray() ?? []), rule =>
                    Assert.True(rule!["to"]!.AsArray().Count > 0 && rule["ports"]!.AsArray().Count > 0, name + " may reach anybody"));
            }
        }
    }

    [Fact]
    public async Task At_most_one_thing_scales_and_only_where_the_cluster_can()
    {
        foreach (var values in Helm.Values)
        {
            foreach (var apis in new[] { AllApis, [] })
            {
                var chart = await RenderedChart.OfAsync(values, apis);
                var scalers = chart.Of("HorizontalPodAutoscaler").Concat(chart.Of("ScaledObject")).ToArray();
                // A number of pods that is given would undo what the scaler does at each upgrade.
                Assert.Equal(scalers.Length == 0, chart.Of("StatefulSet").Single()["spec"]!["replicas"] is not null);
                Assert.True(scalers.Length <= 1);
                Assert.All(scalers, scaler => Assert.Equal(RenderedChart.Name(chart.Of("StatefulSet").Single()), (string?)scaler["spec"]!["scaleTargetRef"]!["name"]));
                if (apis.Length == 0)
                {
                    Assert.Empty(chart.Of("ScaledObject").Concat(chart.Of("ServiceMonitor")).Concat(chart.Of("PrometheusRule")));
                }
            }
        }

        Assert.Single((await RenderedChart.OfAsync("production", AllApis)).Of("ScaledObject"));
        Assert.Single((await RenderedChart.OfAsync("hpa")).Of("HorizontalPodAutoscaler"));
    }

    [Fact]
    public async Task A_packaged_chart_carries_rules_and_dashboards_as_they_stand_in_the_repository()
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-chart-").FullName;
        await Helm.OutputAsync("package", Helm.Chart, "--destination", folder);
        var package = Directory.GetFiles(folder, "*.tgz").Single();
        var chart = new RenderedChart(Yaml.Documents(await Helm.OutputAsync(["template", "release", package, "-f", Helm.ValuesFile("production"), .. AllApis.SelectMany(api => (string[])["--api-versions", api])])));
        var rules = Yaml.File(Path.Combine(Repository.Root, "alerts", "stockflow.rules.yml"));
        Assert.True(JsonNode.DeepEquals(rules, chart.Of("PrometheusRule").Single()["spec"]));
        var generated = Path.Combine(Repository.Root, "dashboards", "generated");
        var expected = Directory.Exists(generated) ? Directory.GetFiles(generated, "*.json").ToDictionary(file => Path.GetFileName(file)!, File.ReadAllText) : [];
        var carried = chart.Of("ConfigMap").Where(map => (string?)map["metadata"]!["labels"]!["grafana_dashboard"] == "1").ToArray();
        Assert.Equal(expected, carried.SelectMany(map => map["data"]!.AsObject()).ToDictionary(pair => pair.Key, pair => (string)pair.Value!));
        Assert.Equal(["stockflow.rules.yml", .. expected.Keys.Order(StringComparer.Ordinal)], Entries(package).Where(name => name.Contains("/files/", StringComparison.Ordinal)).Select(name => Path.GetFileName(name)!).Order(StringComparer.Ordinal).OrderBy(name => name.EndsWith(".json", StringComparison.Ordinal)));
        // Helm keeps a release, the chart and what it renders, in one Secret; what Kubernetes stores of an object is bounded to 1 MiB.
        Assert.True(new FileInfo(package).Length * 3 < 1 << 20);
        Assert.All(carried, map => Assert.True(map.ToJsonString().Length < 1_000_000, RenderedChart.Name(map)));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void The_chart_is_of_the_processor_s_version()
    {
        var chart = Yaml.File(Path.Combine(Helm.Chart, "Chart.yaml"));
        var version = typeof(ProcessorOptions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        Assert.Equal(version, (string)chart["version"]!);
        Assert.Equal(version, (string)chart["appVersion"]!);
    }

    private static List<string> Entries(string package)
    {
        using var reader = new TarReader(new GZipStream(File.OpenRead(package), CompressionMode.Decompress));
        var names = new List<string>();
        while (reader.GetNextEntry() is { } entry)
        {
            names.Add(entry.Name);
        }

        return names;
    }

    private static async Task<string> JudgeAsync(JsonArray objects)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(objects));
        var faults = await NodePeer.RunAsync("kubernetes.js", file);
        File.Delete(file);
        return faults;
    }
}
