using System.Collections.Concurrent;
using System.Text;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// Reads the records of a topic, other than movements, into plain objects. A registry that does not answer is waited for. Thread-safe.
/// </summary>
/// <param name="options">Bounds.</param>
/// <param name="schemas">Where writer schemas come from.</param>
/// <param name="time">For the waits.</param>
/// <param name="logger">For the waits.</param>
/// <param name="readers">The record that is read; of several, the one that the writer's record is named like.</param>
public sealed class RecordDecoder(DecodeOptions options, ISchemaSource schemas, TimeProvider time, ILogger logger, params IReadOnlyList<AvroSchema> readers)
{
    /// <summary>Longest message key, characters.</summary>
    public const int MaximumKey = 64;

    /// <summary>Bound on remembered writer schemas; a process that meets more starts over.</summary>
    private const int MaximumSchemas = 1000;

    private readonly AvroLimits limits = new() { MaxBodyBytes = options.MaximumValueBytes };
    private readonly ConcurrentDictionary<int, Entry> entries = new();

    /// <summary>The key as text.</summary>
    /// <param name="key">The record's key.</param>
    /// <param name="name">What the key must be, for the message.</param>
    /// <exception cref="RefusedRecordException">There is none, or it is too long.</exception>
    public static string Key(byte[]? key, string name) => Encoding.UTF8.GetString(key ?? []) switch
    {
        "" => throw new RefusedRecordException(RejectReason.MissingId, $"The key is empty; it must be the {name}."),
        { Length: > MaximumKey } text => throw new RefusedRecordException(RejectReason.BadId, $"The key has {text.Length} characters, more than {MaximumKey}; it must be the {name}."),
        var text => text,
    };

    /// <summary>The record's fields and the id of the schema that it was written with.</summary>
    /// <param name="value">The record's value; null, a deletion, is refused here.</param>
    /// <param name="token">Ends the wait for the registry.</param>
    /// <exception cref="RefusedRecordException">The value can not be read; the exception carries the schema id, if the value names one.</exception>
    public async ValueTask<(AvroRecord Fields, int SchemaId)> ReadAsync(byte[]? value, CancellationToken token)
    {
        value ??= [];
        if (value.Length > options.MaximumValueBytes)
        {
            throw new RefusedRecordException(RejectReason.TooLarge, $"The value has {value.Length} bytes, more than the {options.MaximumValueBytes} allowed (decode.maximumValueBytes).");
        }

        var status = ConfluentFrame.TryParse(value, out var schemaId, out _);
        if (status != ConfluentFrameStatus.Ok)
        {
            throw new RefusedRecordException(RejectReason.WireFormat, $"The value can not be read: {ConfluentFrame.Describe(status)}.");
        }

        if (!entries.TryGetValue(schemaId, out var entry))
        {
            // An id that the registry does not know today may be registered tomorrow, so that answer is not kept.
            var writer = await schemas.WaitForAsync(schemaId, time, logger, token)
                ?? throw new RefusedRecordException(RejectReason.UnknownSchema, $"The schema registry has no schema with id {schemaId}; register the schema, then replay this record.", schemaId);
            if (entries.Count >= MaximumSchemas)
            {
                entries.Clear();
            }

            entries[schemaId] = entry = Resolve(writer);
        }

        if (entry.Resolution is null)
        {
            throw new RefusedRecordException(RejectReason.WrongRecord, entry.Problem, schemaId);
        }

        try
        {
            return ((AvroRecord)GenericReader.Read(entry.Resolution, value.AsSpan(ConfluentFrame.Size), limits)!, schemaId);
        }
        catch (AvroException e)
        {
            throw new RefusedRecordException(RejectReason.AvroMalformed, $"{entry.Name}: {e.Message}", schemaId);
        }
    }

    /// <summary>Reads a record whose key must be one of its fields. Never throws for what the record holds.</summary>
    /// <param name="record">The record.</param>
    /// <param name="keyField">The field that is the key.</param>
    /// <param name="read">Makes the fact, or throws <see cref="RefusedRecordException"/>.</param>
    /// <param name="token">Ends the wait for the registry.</param>
    internal async ValueTask<DecodedFact<T>> ReadAsync<T>(SourceRecord record, string keyField, Func<RecordFields, T> read, CancellationToken token)
        where T : class
    {
        var schemaId = -1;
        try
        {
            var key = Key(record.Key, keyField);
            (var fields, schemaId) = await ReadAsync(record.Value, token);
            var checks = new RecordFields(fields, options, time.GetUtcNow().ToUnixTimeMilliseconds());
            if (checks.Id(keyField) != key)
            {
                throw new RefusedRecordException(RejectReason.KeyMismatch, $"The message key is not the {keyField}; key by {keyField}, so that all its events stay in order.");
            }

            return new DecodedFact<T>(read(checks), RejectReason.None, "", schemaId);
        }
        catch (RefusedRecordException e)
        {
            return new DecodedFact<T>(null, e.Reason, e.Message, e.SchemaId >= 0 ? e.SchemaId : schemaId);
        }
    }

    private Entry Resolve(AvroSchema writer)
    {
        var reader = readers.Count == 1 ? readers[0]
            : readers.FirstOrDefault(schema => schema.FullName == writer.FullName) ?? readers.FirstOrDefault(schema => schema.Name == writer.Name);
        if (reader is null)
        {
            return new Entry(null, writer.FullName, $"{writer.FullName} does not belong here; expected {string.Join(" or ", readers.Select(schema => schema.Name))}.");
        }

        try
        {
            return new Entry(AvroResolution.Compile(writer, reader), reader.Name, "");
        }
        catch (AvroException e)
        {
            return new Entry(null, reader.Name, $"{writer.FullName} can not be read as {reader.FullName}: {e.Message}");
        }
    }

    private sealed record Entry(AvroResolution? Resolution, string Name, string Problem);
}
