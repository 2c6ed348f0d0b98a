using Stockflow.Avro;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>Reads the values of one reference topic into slots that are used again: a start reads millions of them. Not thread-safe.</summary>
internal sealed class ReferenceReader(ISchemaSource schemas, AvroSchema schema, TimeProvider time, ILogger logger)
{
    private readonly Dictionary<int, RecordReader> readers = [];
    private readonly AvroSlot[] slots = new AvroSlot[schema.Fields.Count];
    private byte[] current = [];

    /// <summary>Reads a value for the other members; null, or why it can not be read.</summary>
    public async ValueTask<string?> ReadAsync(byte[] value, CancellationToken token)
    {
        var status = ConfluentFrame.TryParse(value, out var id, out _);
        if (status != ConfluentFrameStatus.Ok)
        {
            return ConfluentFrame.Describe(status);
        }

        if (!readers.TryGetValue(id, out var reader))
        {
            if (await schemas.WaitForAsync(id, time, logger, token) is not { } writer)
            {
                return $"the registry has no schema {id}";
            }

            try
            {
                readers[id] = reader = RecordReader.Compile(writer, schema);
            }
            catch (AvroException e)
            {
                return e.Message;
            }
        }

        current = value;
        var result = reader.TryRead(value.AsSpan(ConfluentFrame.Size), slots);
        return result.IsOk ? null : result.Message;
    }

    /// <summary>The field's place, for the members below.</summary>
    public int Slot(string name) => schema.Field(name)!.Index;

    public bool IsTrue(int slot) => slots[slot].Long != 0;

    /// <summary>The place of an enum's symbol.</summary>
    public int Symbol(int slot) => (int)slots[slot].Long;

    public double? Number(int slot) => slots[slot].HasValue ? slots[slot].Double : null;

    public string? Text(int slot) => slots[slot].HasValue ? System.Text.Encoding.UTF8.GetString(Bytes(slot)) : null;

    /// <summary>Ten-thousandths of the currency unit; null where it is absent, below zero or of more than 18 digits, and then <paramref name="isBad"/> but for the first.</summary>
    public long? Money(int slot, out bool isBad)
    {
        isBad = false;
        if (!slots[slot].HasValue)
        {
            return null;
        }

        isBad = !AvroDecimal.TryReadInt64(Bytes(slot), out var money) || money is < 0 or > Movement.MaximumMoney;
        return isBad ? null : money;
    }

    private ReadOnlySpan<byte> Bytes(int slot) => slots[slot].Slice(current.AsSpan(ConfluentFrame.Size));
}
