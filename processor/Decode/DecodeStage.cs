using System.Buffers.Binary;
using Stockflow.Avro;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>
/// Turns each record's bytes into a <see cref="Movement"/>, by the reader of its writer schema. What can not be read becomes a dead letter;
/// only a registry that does not answer makes the lane wait.
/// </summary>
public sealed class DecodeStage(DecodeOptions options, MovementReaders readers, int partition, TimeProvider time, ILogger logger)
{
    public const string StageName = "decode";

    private readonly Dictionary<int, MovementReaders.Entry> known = [];
    private readonly AvroSlot[] slots = new AvroSlot[readers.SlotCount];

    public async ValueTask ApplyAsync(RecordBatch batch, CancellationToken token)
    {
        if (known.Count >= MovementReaders.Maximum)
        {
            known.Clear();
        }

        // Runs of one schema are the rule.
        int? last = null;
        for (var i = 0; i < batch.Count; i++)
        {
            if (TryGetId(batch.Bytes(batch.Records[i].Value), out var id) && id != last)
            {
                if (!known.ContainsKey(id))
                {
                    known.Add(id, await LearnAsync(id, token));
                }

                last = id;
            }
        }

        Decode(batch);

        // An id that the registry does not know today may be registered tomorrow.
        foreach (var (id, reader) in known)
        {
            if (reader.Compiled is null)
            {
                known.Remove(id);
            }
        }
    }

    private void Decode(RecordBatch batch)
    {
        var fingerprints = new Fingerprints(batch);
        MovementReaders.Entry? reader = null;
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

            if (reader is null || id != last)
            {
                reader = known[id];
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

                readers.Fields.Fill(ref movement, slots, body, batch.Arena);
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

    private async Task<MovementReaders.Entry> LearnAsync(int id, CancellationToken token)
    {
        for (var wait = TimeSpan.FromMilliseconds(100); ; wait = TimeSpan.FromMilliseconds(Math.Min(10_000, wait.TotalMilliseconds * 2)))
        {
            try
            {
                return await readers.GetAsync(id, token);
            }
            catch (StoreUnavailableException e)
            {
                logger.RegistryWaits(partition, e.Message);
                await Task.Delay(wait, time, token);
            }
        }
    }
}
