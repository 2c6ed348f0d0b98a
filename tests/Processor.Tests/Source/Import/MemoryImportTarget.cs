using Stockflow.Avro;
using Stockflow.Source.Import;

namespace Stockflow.Tests.Source.Import;

/// <summary>Keeps what an import sends, and can die like a broker or a killed process.</summary>
internal sealed class MemoryImportTarget : IImportTarget
{
    private readonly List<Action> waiting = [];
    private int movements;

    public List<(string Topic, string Key, byte[] Value)> Sent { get; } = [];

    /// <summary>Movements after which the broker refuses everything.</summary>
    public int FailsAfter { get; init; } = int.MaxValue;

    /// <summary>Movements after which nothing is acknowledged any more and sending throws, as if the process were killed there.</summary>
    public int DiesAfter { get; init; } = int.MaxValue;

    /// <summary>Acknowledges in the opposite order, a few at a time.</summary>
    public bool Reverses { get; init; }

    public IEnumerable<AvroRecord> Movements => Records("inventory.movements", "InventoryMovement");

    public IEnumerable<AvroRecord> Records(string topic, string schema) =>
        Sent.Where(record => record.Topic == topic).Select(record => (AvroRecord)GenericReader.Read(Schema(schema), Schema(schema), record.Value.AsSpan(5))!);

    /// <summary>Key and bytes of the movements, as text.</summary>
    public List<string> Lines() =>
        [.. Sent.Where(record => record.Topic == "inventory.movements").Select(record => record.Key + " " + Convert.ToHexString(record.Value))];

    public static AvroSchema Schema(string name) =>
        AvroSchema.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "schemas", "avro", name + ".avsc")));

    public static ImportOptions Options(string folder) => new()
    {
        StateDirectory = folder,
        Cluster = "test:1",
        MovementSchema = new ImportSchema(Schema("InventoryMovement"), 1),
        SkuSchema = new ImportSchema(Schema("Sku"), 2),
        LocationSchema = new ImportSchema(Schema("Location"), 3),
    };

    public ValueTask SendAsync(string topic, string key, byte[] value, Action<string?> done, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        if (movements >= DiesAfter && topic == "inventory.movements")
        {
            throw new InvalidOperationException("killed");
        }

        if (movements >= FailsAfter && topic == "inventory.movements")
        {
            done("the broker is gone");
            return ValueTask.CompletedTask;
        }

        movements += topic == "inventory.movements" ? 1 : 0;
        Sent.Add((topic, key, value));
        waiting.Add(() => done(null));
        if (!Reverses || waiting.Count >= 7)
        {
            Acknowledge();
        }

        return ValueTask.CompletedTask;
    }

    public Task FlushAsync(CancellationToken token)
    {
        Acknowledge();
        return Task.CompletedTask;
    }

    private void Acknowledge()
    {
        for (var i = waiting.Count - 1; i >= 0; i--)
        {
            waiting[i]();
        }

        waiting.Clear();
    }
}
