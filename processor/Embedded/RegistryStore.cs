using System.Globalization;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// Subjects, versions and ids in memory, by the rules of Confluent's Schema Registry. Starts with <see cref="SchemaCatalog"/>'s schemas and
/// ids; what clients add is gone with the process. Thread-safe.
/// </summary>
internal sealed class RegistryStore
{
    /// <summary>More than any real use on one machine; a client in a loop must not take all memory.</summary>
    private const int MaximumSchemas = 10_000, MaximumSubjects = 10_000, MaximumSubjectLength = 512;

    private readonly Lock gate = new();
    private readonly Dictionary<int, StoredSchema> byId = [];
    private readonly Dictionary<string, int> byText = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, List<StoredSchema>> subjects = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CompatibilityMode> modes = new(StringComparer.Ordinal);
    private CompatibilityMode globalMode = CompatibilityMode.Backward;
    private int lastId;

    /// <exception cref="SetupException">A schema of the folder can not be used.</exception>
    public RegistryStore(IReadOnlyList<CatalogSchema> preloaded)
    {
        foreach (var entry in preloaded)
        {
            try
            {
                var stored = new StoredSchema(entry.Id, entry.Text, AvroSchema.Parse(entry.Text), []);
                Keep(entry.Subject, stored);
            }
            catch (AvroSchemaException e)
            {
                throw new SetupException($"'{entry.Path}': {e.Message}", e);
            }
        }
    }

    public int SchemaCount
    {
        get
        {
            lock (gate)
            {
                return byId.Count;
            }
        }
    }

    public IReadOnlyList<string> Subjects(string prefix)
    {
        lock (gate)
        {
            return [.. subjects.Keys.Where(subject => subject.StartsWith(prefix, StringComparison.Ordinal))];
        }
    }

    public IReadOnlyList<int> Versions(string subject)
    {
        lock (gate)
        {
            return [.. Enumerable.Range(1, History(subject).Count)];
        }
    }

    public (int Version, StoredSchema Schema) Version(string subject, string version)
    {
        lock (gate)
        {
            var history = History(subject);
            var number = Number(version, history.Count);
            return number >= 1 && number <= history.Count ? (number, history[number - 1]) : throw RegistryException.NoVersion(version);
        }
    }

    public StoredSchema ById(int id)
    {
        lock (gate)
        {
            return byId.TryGetValue(id, out var schema) ? schema : throw RegistryException.NoSchema(id.ToString(CultureInfo.InvariantCulture));
        }
    }

    public IReadOnlyList<RegistryVersion> Uses(int id)
    {
        lock (gate)
        {
            ById(id);
            return [.. subjects.SelectMany(subject => subject.Value
                .Select((schema, index) => (schema, Version: index + 1))
                .Where(entry => entry.schema.Id == id)
                .Select(entry => new RegistryVersion { Subject = subject.Key, Version = entry.Version }))];
        }
    }

    /// <summary>The version of a subject that is this schema.</summary>
    public (int Version, StoredSchema Schema) Find(string subject, RegistrySchemaBody body)
    {
        lock (gate)
        {
            var history = History(subject);
            var key = Key(Parse(body), body.References);
            var index = history.FindIndex(schema => Key(schema.Schema, schema.References) == key);
            return index >= 0 ? (index + 1, history[index]) : throw RegistryException.NoSchema("");
        }
    }

    /// <summary>Registers a schema; the same one again gives the same id and no new version.</summary>
    public StoredSchema Register(string subject, RegistrySchemaBody body)
    {
        if (subject.Length is 0 or > MaximumSubjectLength)
        {
            throw new RegistryException(422, 42208, $"A subject has 1 to {MaximumSubjectLength} characters.");
        }

        lock (gate)
        {
            var schema = Parse(body);
            var key = Key(schema, body.References);
            var history = subjects.GetValueOrDefault(subject) ?? [];
            if (history.Find(stored => Key(stored.Schema, stored.References) == key) is { } same)
            {
                return same;
            }

            var violations = SchemaCompatibility.CheckMode(Mode(subject), schema, [.. history.Select(stored => stored.Schema)]);
            if (violations.Count > 0)
            {
                throw new RegistryException(409, 409,
                    $"Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{string.Join("; ", violations)}]");
            }

            if (byId.Count >= MaximumSchemas || (history.Count == 0 && subjects.Count >= MaximumSubjects))
            {
                throw new RegistryException(507, 50001, $"This registry holds at most {MaximumSchemas} schemas and {MaximumSubjects} subjects.");
            }

            var stored = byText.TryGetValue(key, out var id) ? byId[id] : new StoredSchema(lastId + 1, body.Schema!, schema, body.References ?? []);
            Keep(subject, stored);
            return stored;
        }
    }

    /// <summary>Reasons against a schema: against one version, or by the subject's mode where <paramref name="version"/> is null.</summary>
    public IReadOnlyList<string> Check(string subject, string? version, RegistrySchemaBody body)
    {
        lock (gate)
        {
            var schema = Parse(body);
            var history = subjects.GetValueOrDefault(subject) ?? [];
            if (version is not null)
            {
                var number = Number(version, history.Count);
                history = number >= 1 && number <= history.Count ? [history[number - 1]]
                    : history.Count == 0 && version == "latest" ? []
                    : throw RegistryException.NoVersion(version);
            }

            var violations = SchemaCompatibility.CheckMode(Mode(subject), schema, [.. history.Select(stored => stored.Schema)]);
            return [.. violations.Select(violation => violation.ToString())];
        }
    }

    /// <summary>The mode of a subject itself, or null; of the registry where <paramref name="subject"/> is null.</summary>
    public CompatibilityMode? OwnMode(string? subject)
    {
        lock (gate)
        {
            return subject is null ? globalMode : modes.TryGetValue(subject, out var mode) ? mode : null;
        }
    }

    public void SetMode(string? subject, CompatibilityMode? mode)
    {
        lock (gate)
        {
            if (subject is null)
            {
                globalMode = mode ?? CompatibilityMode.Backward;
            }
            else if (mode is null)
            {
                modes.Remove(subject);
            }
            else if (modes.Count < MaximumSubjects || modes.ContainsKey(subject))
            {
                modes[subject] = mode.Value;
            }
        }
    }

    private void Keep(string subject, StoredSchema schema)
    {
        byId[schema.Id] = schema;
        byText.TryAdd(Key(schema.Schema, schema.References), schema.Id);
        lastId = Math.Max(lastId, schema.Id);
        if (!subjects.TryGetValue(subject, out var history))
        {
            subjects[subject] = history = [];
        }

        history.Add(schema);
    }

    private CompatibilityMode Mode(string subject) => modes.GetValueOrDefault(subject, globalMode);

    private List<StoredSchema> History(string subject) =>
        subjects.TryGetValue(subject, out var history) ? history : throw RegistryException.NoSubject(subject);

    private AvroSchema Parse(RegistrySchemaBody body)
    {
        if (body.SchemaType is { } type && !type.Equals("AVRO", StringComparison.OrdinalIgnoreCase))
        {
            throw RegistryException.Invalid($"schema type {type} is not supported; this registry keeps AVRO");
        }

        if (string.IsNullOrWhiteSpace(body.Schema))
        {
            throw RegistryException.Invalid("it is empty");
        }

        var references = new List<AvroSchema>();
        foreach (var reference in body.References ?? [])
        {
            references.Add(subjects.TryGetValue(reference.Subject, out var history) && reference.Version >= 1 && reference.Version <= history.Count
                ? history[reference.Version - 1].Schema
                : throw RegistryException.Invalid($"it refers to version {reference.Version} of '{reference.Subject}', which is not there"));
        }

        try
        {
            return AvroSchema.Parse(body.Schema, references);
        }
        catch (AvroSchemaException e)
        {
            throw RegistryException.Invalid(e.Message);
        }
    }

    /// <summary>What makes two schemas the same: the text without its layout, and what it refers to.</summary>
    private static string Key(AvroSchema schema, IReadOnlyList<RegistryReference>? references) =>
        references is { Count: > 0 } ? schema.ToJson() + string.Concat(references) : schema.ToJson();

    private static int Number(string version, int latest)
    {
        if (version is "latest" or "-1")
        {
            return latest;
        }

        return int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new RegistryException(422, 42202,
                $"The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"");
    }
}
