using System.CommandLine;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary><c>processor schemas check</c>: may the schemas of the folder follow those of a registry or of another folder?</summary>
public static class SchemasCommand
{
    public static Command Create()
    {
        var folder = new Option<string>("--schemas") { Description = "Folder of the schemas to check.", HelpName = "folder", DefaultValueFactory = _ => SchemaCatalog.DefaultFolder };
        var against = new Option<string?>("--against") { Description = "Folder of earlier schemas; subfolders are versions, in order of their names.", HelpName = "folder" };
        var url = new Option<string?>("--registry-url") { Description = "Schema registry that holds the earlier versions. STOCKFLOW_REGISTRY_URL.", HelpName = "url" };
        var user = new Option<string?>("--registry-user-info-file") { Description = "File with user:password for the registry.", HelpName = "file" };
        var bearer = new Option<string?>("--registry-bearer-token-file") { Description = "File with a token for the registry.", HelpName = "file" };
        var authority = new Option<string?>("--registry-ca-file") { Description = "PEM file of the authorities to trust for the registry.", HelpName = "file" };
        var mode = new Option<string>("--mode") { Description = "BACKWARD, FORWARD or FULL, each also with _TRANSITIVE; or NONE.", HelpName = "mode", DefaultValueFactory = _ => "BACKWARD_TRANSITIVE" };
        var check = new Command("check", $"""
            Check that the schemas may follow the earlier versions, with the reason for each violation.

            BACKWARD: a consumer with the new schema reads old data. FORWARD: a consumer with the old schema reads new data.
            FULL: both. Without _TRANSITIVE only the latest version counts; topics that are replayed want _TRANSITIVE.

            Examples:
              processor schemas check --registry-url http://127.0.0.1:8081
              processor schemas check --against ../release-1/schemas/avro --mode FULL

            Exit codes: 0 compatible, 1 not compatible, 2 wrong usage, 3 the registry or a folder can not be used.
            """)
        {
            folder, against, url, user, bearer, authority, mode,
        };
        check.SetAction((parsed, token) => ExitCode.GuardAsync("schemas check", async () =>
        {
            if (!SchemaCompatibility.TryParseMode(parsed.GetValue(mode), out var rule))
            {
                throw new UsageException($"--mode '{parsed.GetValue(mode)}' is none of BACKWARD, FORWARD, FULL, their _TRANSITIVE forms, and NONE");
            }

            var registry = parsed.GetValue(url) ?? (parsed.GetValue(against) is null ? Environment.GetEnvironmentVariable("STOCKFLOW_REGISTRY_URL") : null);
            var candidates = SchemaCatalog.Load(parsed.GetValue(folder)!);
            if (registry is null == parsed.GetValue(against) is null)
            {
                throw new UsageException("name either --against FOLDER or --registry-url URL");
            }

            if (registry is null)
            {
                var earlier = Earlier(parsed.GetValue(against)!);
                return await CheckAsync(candidates, rule, schema => Task.FromResult<IReadOnlyList<AvroSchema>>(earlier.GetValueOrDefault(schema.Record) ?? []))
                    .ConfigureAwait(false);
            }

            using var client = new SchemaRegistryClient(new SchemaRegistryOptions(registry, UserInfoFile: parsed.GetValue(user),
                BearerTokenFile: parsed.GetValue(bearer), CaFile: parsed.GetValue(authority)));
            return await CheckAsync(candidates, rule, async schema =>
                [.. (await client.GetVersionsAsync(schema.Subject, token).ConfigureAwait(false)).Select(version => version.Schema)]).ConfigureAwait(false);
        }));
        return new Command("schemas", "Work with the Avro schemas.") { check };
    }

    private static async Task<int> CheckAsync(IReadOnlyList<CatalogSchema> candidates, CompatibilityMode mode,
        Func<CatalogSchema, Task<IReadOnlyList<AvroSchema>>> historyOf)
    {
        var wrong = 0;
        foreach (var candidate in candidates)
        {
            var history = await historyOf(candidate).ConfigureAwait(false);
            var violations = SchemaCompatibility.CheckMode(mode, Parse(candidate.Path, candidate.Text), history);
            var verdict = violations.Count > 0 ? "INCOMPATIBLE" : history.Count == 0 ? "new" : "ok";
            Console.Out.WriteLine($"{verdict,-12} {candidate.Record} ({candidate.Subject}, {history.Count} earlier)");
            foreach (var violation in violations)
            {
                Console.Out.WriteLine($"  version {violation.Version + 1}: {violation}");
            }

            wrong += violations.Count > 0 ? 1 : 0;
        }

        Console.Out.WriteLine($"{candidates.Count} schemas, {wrong} incompatible, {SchemaCompatibility.NameOf(mode)}");
        return wrong == 0 ? ExitCode.Ok : ExitCode.CheckFailed;
    }

    private static Dictionary<string, List<AvroSchema>> Earlier(string folder)
    {
        var earlier = new Dictionary<string, List<AvroSchema>>(StringComparer.Ordinal);
        if (!Directory.Exists(folder))
        {
            throw new SetupException($"--against names the folder '{folder}', which does not exist");
        }

        foreach (var path in Directory.EnumerateFiles(folder, "*.avsc", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var schema = Parse(path, File.ReadAllText(path));
            (earlier.TryGetValue(schema.FullName, out var history) ? history : earlier[schema.FullName] = []).Add(schema);
        }

        return earlier.Count > 0 ? earlier : throw new SetupException($"the folder '{folder}' holds no .avsc file");
    }

    private static AvroSchema Parse(string path, string text)
    {
        try
        {
            return AvroSchema.Parse(text);
        }
        catch (AvroSchemaException e)
        {
            throw new SetupException($"'{path}': {e.Message}", e);
        }
    }
}
