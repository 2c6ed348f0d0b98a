using System.CommandLine;
using System.Globalization;
using Stockflow.Avro;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Source.Import;

namespace Stockflow.Commands;

/// <summary><c>processor import</c>: batch files into Kafka by a mapping file.</summary>
public static class ImportCommand
{
    /// <summary>Every file was read, and some records were rejected.</summary>
    public const int SomeRejected = 4;

    private const string KeyVariable = "STOCKFLOW_PSEUDONYM_KEY";

    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "CSV, JSON lines or Avro container files, also packed with gzip.", Arity = ArgumentArity.OneOrMore };
        var mapping = new Option<string>("--mapping") { Description = "online-retail, movements, or a mapping file (YAML or JSON).", HelpName = "name|file", Required = true };
        var format = new Option<string>("--format") { Description = "csv, jsonl or avro; auto tells by the file's ending.", HelpName = "format", DefaultValueFactory = _ => "auto" };
        format.AcceptOnlyFromAmong("auto", "csv", "jsonl", "avro");
        var bootstrap = new Option<string?>("--bootstrap-servers") { Description = "Brokers as host:port, comma-separated. Default: the running demo.", HelpName = "list" };
        var registry = new Option<string?>("--registry-url") { Description = "Schema registry; the schemas are registered there. Default: the running demo's, else the ids that the embedded registry gives.", HelpName = "url" };
        var topic = new Option<string>("--topic") { Description = "Topic of the movements; it must exist.", HelpName = "name", DefaultValueFactory = _ => "inventory.movements" };
        var config = new Option<string[]>("--kafka-config") { Description = "A librdkafka client property, such as security.protocol=SASL_SSL. Repeatable.", HelpName = "key=value" };
        var configFile = new Option<FileInfo?>("--kafka-config-file") { Description = "File of key=value client properties, for secrets.", HelpName = "file" };
        var keyFile = new Option<FileInfo?>("--pseudonym-key-file") { Description = $"File whose first line is the key for customers' pseudonyms, 16 characters or more. Default: {KeyVariable}; into the demo a key that everybody knows.", HelpName = "file" };
        var state = new Option<DirectoryInfo?>("--state-dir") { Description = "Where progress and rejected records are kept. Default: ~/.cache/stockflow/import.", HelpName = "folder" };
        var order = new Option<string>("--order") { Description = "Order in which the movements are sent: file, reverse or shuffled. The last two hold all of a file's movements in memory, about half a kilobyte each.", HelpName = "order", DefaultValueFactory = _ => "file" };
        order.AcceptOnlyFromAmong("file", "reverse", "shuffled");
        var seed = new Option<long?>("--seed") { Description = "Of --order shuffled: the same number gives the same order. Default: 1.", HelpName = "n" };
        var restart = new Option<bool>("--restart") { Description = "Start over, even where an earlier import was interrupted." };
        var timeout = new Option<int>("--delivery-seconds") { Description = "How long a record may wait for the broker.", HelpName = "s", DefaultValueFactory = _ => 60 };
        var json = new Option<bool>("--json") { Description = "Print the summary as one JSON object a file." };
        var command = new Command("import", $"""
            Import batch files into Kafka.

            A mapping says how columns become movements; the keys are described in processor/Source/Import/mappings/README.md.
            SKUs and locations that the mapping describes go first, then the movements. The same file gives the same event_ids, so
            importing it again changes nothing; exact duplicates within it have ids of their own. An import that was interrupted
            goes on where it was; a finished one starts over.

            Another --order sends the same records, so that one can see that the order of arrival changes no figure. What it sent when it was
            interrupted is sent again.

            Rejected records are kept as they stand in FILE.rejected.csv (or .jsonl) with FILE.rejected.reasons.csv beside it. To set
            them right, correct the file itself and import it again: what arrived already is not counted twice.

            Examples:
              processor import --mapping online-retail online_retail.csv.gz
              processor import --mapping my-tills.yaml --bootstrap-servers broker:9092 --registry-url http://registry:8081 \
                --pseudonym-key-file /run/secrets/pseudonyms till-1.csv till-2.csv
              processor import --mapping movements export.avro
              processor import --mapping online-retail --order shuffled --seed 7 online_retail.csv.gz

            Exit codes: 0 every record imported, 1 interrupted, 2 wrong usage or mapping, 3 a server or file can not be used,
            4 all read, but some records were rejected.
            """)
        {
            files, mapping, format, bootstrap, registry, topic, config, configFile, keyFile, state, order, seed, restart, timeout, json,
        };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("import", async () =>
        {
            var demo = DemoState.Find();
            var cluster = parsed.GetValue(bootstrap) ?? demo?.Kafka
                ?? throw new UsageException("no demo runs on this machine; name the brokers with --bootstrap-servers.");
            demo = demo?.Kafka == cluster ? demo : null;
            var paths = parsed.GetValue(files)!;
            CheckFiles(paths);
            var sent = parsed.GetValue(order) switch { "reverse" => ImportOrder.Reverse, "shuffled" => ImportOrder.Shuffled, _ => ImportOrder.File };
            if (parsed.GetValue(seed) is not null && sent != ImportOrder.Shuffled)
            {
                throw new UsageException("--seed is of no use without --order shuffled.");
            }

            var map = Mapping(parsed.GetValue(mapping)!);
            var pseudonyms = map.NeedsKey ? Pseudonyms(parsed.GetValue(keyFile), demo is not null) : null;
            var folder = (parsed.GetValue(state) ?? new DirectoryInfo(Path.Combine(Path.GetDirectoryName(DemoState.File)!, "import"))).FullName;
            MakeFolder(folder);
            var ids = await LoadSettings.SchemaIdsAsync(parsed.GetValue(registry) ?? demo?.Registry, token);
            var options = new ImportOptions
            {
                StateDirectory = folder,
                Cluster = cluster,
                MovementSchema = Schema("InventoryMovement", ids),
                SkuSchema = Schema("Sku", ids),
                LocationSchema = Schema("Location", ids),
                Format = parsed.GetValue(format) switch { "csv" => ImportFormat.Csv, "jsonl" => ImportFormat.JsonLines, "avro" => ImportFormat.Avro, _ => ImportFormat.Auto },
                Topic = parsed.GetValue(topic)!,
                Restart = parsed.GetValue(restart),
                Order = sent,
                Seed = parsed.GetValue(seed) ?? 1,
            };
            var properties = ProduceCommand.KafkaProperties(cluster, parsed.GetValue(config) ?? [], parsed.GetValue(configFile));
            return await RunAsync(paths, map, pseudonyms, options, properties, parsed.GetValue(timeout), demo is not null, parsed.GetValue(json), token);
        }));
        return command;
    }

    private static async Task<int> RunAsync(
        string[] paths, ImportMapping mapping, Pseudonyms? pseudonyms, ImportOptions options, Dictionary<string, string> properties,
        int deliverySeconds, bool toDemo, bool json, CancellationToken token)
    {
        // The reference topics are needed only where the mapping writes them.
        string[] topics = mapping.Reference is null ? [options.Topic] : [options.Topic, options.SkuTopic, options.LocationTopic];
        using var target = new KafkaImportTarget(properties, topics, deliverySeconds);
        using var brake = toDemo ? new LagBrake(options.Cluster, options.Topic, LagBrake.DefaultGroup, target.Partitions(options.Topic)) : null;
        target.LimitedTopic = options.Topic;
        target.Limit = brake is null ? null : brake.LimitOf;
        var rejected = false;
        foreach (var path in paths)
        {
            await using var progress = ImportProgressView.Start(path, quiet: json);
            var import = new FileImport(path, mapping, pseudonyms, options, target, TimeProvider.System, progress.Report);
            ImportSummary summary;
            try
            {
                summary = await import.RunAsync(token);
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                await progress.DisposeAsync();
                await Console.Error.WriteLineAsync("import: interrupted; the same command goes on where this one stopped.");
                return ExitCode.CheckFailed;
            }

            await progress.DisposeAsync();
            ImportReport.Print(summary, import.ResumedAfter, json);
            rejected |= summary.Rejected > 0;
        }

        return rejected ? SomeRejected : ExitCode.Ok;
    }

    private static void CheckFiles(string[] paths)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in paths)
        {
            if (!File.Exists(path))
            {
                throw new UsageException($"there is no file {path}.");
            }

            // Progress and rejected records are kept by file name.
            if (!names.Add(Path.GetFileName(path)))
            {
                throw new UsageException($"two files are named {Path.GetFileName(path)}; import them one after the other, with a --state-dir each.");
            }
        }
    }

    private static ImportMapping Mapping(string nameOrFile)
    {
        try
        {
            return MappingParser.Load(nameOrFile);
        }
        catch (SetupException error)
        {
            throw new UsageException("--mapping: " + error.Message);
        }
    }

    private static Pseudonyms Pseudonyms(FileInfo? file, bool toDemo)
    {
        try
        {
            var key = file is null ? Environment.GetEnvironmentVariable(KeyVariable) : File.ReadLines(file.FullName).FirstOrDefault()?.Trim();
            return new Pseudonyms(!string.IsNullOrEmpty(key) ? key
                : file is null && toDemo ? Source.Import.Pseudonyms.DemoKey
                : throw new UsageException($"the mapping replaces customers by pseudonyms: give a key with --pseudonym-key-file or {KeyVariable}."));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or SetupException)
        {
            throw new UsageException("--pseudonym-key-file: " + error.Message);
        }
    }

    private static void MakeFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"--state-dir: {error.Message}", error);
        }
    }

    private static ImportSchema Schema(string record, Func<string, int> ids)
    {
        foreach (var schema in SchemaCatalog.Load(SchemaCatalog.DefaultFolder))
        {
            if (schema.Record.EndsWith("." + record, StringComparison.Ordinal))
            {
                return new ImportSchema(AvroSchema.Parse(schema.Text), ids(record));
            }
        }

        throw new SetupException(string.Create(CultureInfo.InvariantCulture, $"the schema folder has no record {record}."));
    }
}
