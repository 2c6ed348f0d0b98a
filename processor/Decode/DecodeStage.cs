using System.Buffers.Binary;
using Stockflow.Avro;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>
/// Turns each record's bytes into a <see cref="Movement"/>, by a reader that is compiled once for each writer schema. What can not be read
/// becomes a dead letter; only a registry that does not answer makes the lane wait.
/// </summary>
public sealed class DecodeStage(DecodeOptions options, ISchemaSource schemas, AvroSchema readerSchema, int partition, TimeProvider time, ILogger logger)
{
    public const string StageName = "decode";

    /// <summary>Bound on remembered writer schemas; a lane that meets more starts over.</summary>
    private const int MaximumReaders = 1000;
    private readonly Dictionary<int, Reader> readers = [];
    private readonly MovementFields fields = new(readerSchema);
    private readonly AvroSlot[] slots = new AvroSlot[readerSchema.Fields.Count];
    private readonly AvroLimits limits = new() { MaxBodyBytes = options.MaximumValueBytes };

    public async ValueTask ApplyAsync(RecordBatch batch, CancellationToken token)
    {
        // Runs of one schema are the rule.
        int? last = null;
        for (var i = 0; i < batch.Count; i++)
        {
            if (TryGetId(batch.Bytes(batch.Records[i].Value), out var id) && id != last)
            {
                if (!readers.ContainsKey(id))
                {
                    await LearnAsync(id, token);
                }

                last = id;
            }
        }

        Decode(batch);

        // An id that the registry does not know today may be registered tomorrow.
        foreach (var (id, reader) in readers)
        {
            if (reader.Compiled is null)
            {
                readers.Remove(id);
            }
        }
    }

    private void Decode(RecordBatch batch)
    {
        var fingerprints = new Fingerprints(batch);
        Reader reader = default;
        int? last = null;
        for (var i = 0; i < batch.Count; i++)
        {
            ref var record = ref batch.Records[i];
            ref var movement = ref batch.Movements[i];
            movement.Fingerprint = UInt128.Zero;
            var value = batch.Bytes(record.Value);
            if (value.Length > options.MaximumValueBytes)
            {
                batch.Reject(i, StageName, RejectReason.TooLarge,
                    $"The value has {value.Length} bytes, more than the {options.MaximumValueBytes} allowed (decode.maximumValueBytes).");
                continue;
            }

            if (!TryGetId(value, out var id))
            {
                batch.Reject(i, StageName, RejectReason.WireFormat, FrameProblem(value));
                continue;
            }

            if (id != last)
            {
                reader = readers[id];
                last = id;
            }

            if (reader.Compiled is null)
            {
                batch.Reject(i, StageName, reader.Reason, reader.Message, id);
                continue;
            }

            var body = record.Value.Start + ConfluentFrame.Size;
            if (reader.Fast is null || !reader.Fast.TryRead(batch.Arena, body, value.Length - ConfluentFrame.Size, ref movement))
            {
                var result = reader.Compiled.TryRead(value[ConfluentFrame.Size..], slots);
                if (!result.IsOk)
                {
                    batch.Reject(i, StageName, RejectReason.AvroMalformed, "InventoryMovement, " + result.Message + ".", id);
                    continue;
                }

                fields.Fill(ref movement, slots, body, batch.Arena);
            }

            fingerprints.Add(i);
        }

        fingerprints.Flush();
    }

    private static bool TryGetId(ReadOnlySpan<byte> value, out int id)
    {
        id = 0;
        if (value.Length < ConfluentFrame.Size || value[0] != 0)
        {
            return false;
        }

        id = BinaryPrimitives.ReadInt32BigEndian(value[1..]);
        return true;
    }

    private static string FrameProblem(ReadOnlySpan<byte> value) => value switch
    {
        [] => "The value is empty; expected byte 0x00, a 4-byte schema id and an Avro body.",
        [1, ..] => "The value begins with 0x01, the schema GUID framing, which is not supported; produce with the 4-byte schema id framing (0x00).",
        [0, ..] => $"The value ends after {value.Length} bytes, inside the 5 bytes of 0x00 and schema id.",
        _ => $"The value begins with 0x{value[0]:x2}; expected 0x00 and a 4-byte schema id (the Confluent wire format).",
    };

    private async Task LearnAsync(int id, CancellationToken token)
    {
        if (readers.Count >= MaximumReaders)
        {
            readers.Clear();
        }

        for (var wait = TimeSpan.FromMilliseconds(100); ; wait = TimeSpan.FromMilliseconds(Math.Min(10_000, wait.TotalMilliseconds * 2)))
        {
            try
            {
                readers[id] = Compile(id, await schemas.GetByIdAsync(id, token));
                return;
            }
            catch (StoreUnavailableException e)
            {
                logger.RegistryWaits(partition, e.Message);
                await Task.Delay(wait, time, token);
            }
        }
    }

    private Reader Compile(int id, AvroSchema? writer)
    {
        if (writer is null)
        {
            return new Reader(null, null, RejectReason.UnknownSchema, $"The schema registry has no schema with id {id}; register the schema, then replay this event.");
        }

        try
        {
            var compiled = RecordReader.Compile(writer, readerSchema, limits);
            return new Reader(compiled, MovementReader.TryCompile(compiled, fields.Members), RejectReason.None, "");
        }
        catch (AvroException e)
        {
            return new Reader(null, null, RejectReason.WrongRecord, $"Schema {id} ({writer.FullName}) can not be read as {readerSchema.FullName}: {e.Message}");
        }
    }

    private readonly record struct Reader(RecordReader? Compiled, MovementReader? Fast, RejectReason Reason, string Message);
}
