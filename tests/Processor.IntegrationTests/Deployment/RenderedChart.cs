using System.Text.Json.Nodes;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Tests;
using Stockflow.Tests.Deployment;

namespace Stockflow.IntegrationTests.Deployment;

/// <summary>The objects that the chart makes of one set of values.</summary>
internal sealed class RenderedChart(IReadOnlyList<JsonNode> objects)
{
    public const string Prometheus = "monitoring.coreos.com/v1", Keda = "keda.sh/v1alpha1";

    public IReadOnlyList<JsonNode> Objects => objects;

    /// <summary>Name of the owner, pod specification and labels of every pod that the chart starts.</summary>
    public IEnumerable<(string Name, JsonNode Spec, JsonObject Labels)> Pods =>
        from item in objects
        let pod = Kind(item) is "Pod" ? item : Kind(item) is "StatefulSet" or "Job" ? item["spec"]!["template"]! : null
        where pod is not null
        select ($"{Kind(item)} {Name(item)}", pod["spec"]!, pod["metadata"]!["labels"]!.AsObject());

    public static async Task<RenderedChart> OfAsync(string values, params string[] apis) =>
        new(Yaml.Documents(await Helm.TemplateAsync(values, apis)));

    public static string Kind(JsonNode item) => (string)item["kind"]!;

    public static string Name(JsonNode item) => (string)item["metadata"]!["name"]!;

    /// <summary>True where a label selector takes an object with such labels.</summary>
    public static bool Selects(JsonNode matchLabels, JsonObject labels) =>
        matchLabels.AsObject().All(pair => (string?)labels[pair.Key] == (string?)pair.Value);

    public IReadOnlyList<JsonNode> Of(string kind) => [.. objects.Where(item => Kind(item) == kind)];

    /// <summary>Writes what a pod's first container sees under its mounts below a folder, and returns its arguments with the paths changed likewise.</summary>
    public string[] Mount(JsonNode spec, string root)
    {
        var container = spec["containers"]![0]!;
        foreach (var mount in container["volumeMounts"]!.AsArray())
        {
            var volume = spec["volumes"]!.AsArray().Single(v => (string)v!["name"]! == (string)mount!["name"]!)!;
            var folder = Directory.CreateDirectory(root + (string)mount!["mountPath"]!).FullName;
            if ((string?)volume["configMap"]?["name"] is { } map)
            {
                foreach (var (key, text) in Of("ConfigMap").Single(item => Name(item) == map)["data"]!.AsObject())
                {
                    File.WriteAllText(Path.Combine(folder, key), ((string)text!).Replace("/etc/stockflow", root + "/etc/stockflow", StringComparison.Ordinal));
                }
            }

            foreach (var item in volume["projected"]?["sources"]!.AsArray().SelectMany(source => (source!["secret"] ?? source["configMap"])!["items"]!.AsArray()) ?? [])
            {
                var path = (string)item!["path"]!;
                File.WriteAllText(Path.Combine(folder, path), path == "qualityRules" ? File.ReadAllText(Path.Combine(Repository.Root, "schemas", "quality.yml")) : "a=b\n");
            }
        }

        return [.. container["args"]!.AsArray().Select(argument => ((string)argument!).Replace("/etc/stockflow", root + "/etc/stockflow", StringComparison.Ordinal))];
    }
}
