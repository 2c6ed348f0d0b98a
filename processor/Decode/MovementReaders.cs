using System.Collections.Concurrent;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// A reader for each writer schema that the process has met. Making one takes as long as reading ten thousand movements, so the lanes share
/// them. Thread-safe.
/// </summary>
public sealed class MovementReaders
{
    /// <summary>Bound on remembered writer schemas; a process that meets more starts over.</summary>
    internal const int Maximum = 1000;

    private readonly ISchemaSource schemas;
    private readonly AvroSchema readerSchema;
    private readonly AvroLimits limits;
    private readonly ConcurrentDictionary<int, Entry> entries = new();
    private readonly Lock making = new();

    /// <exception cref="InvalidOperationException">The schema that is read lacks a field.</exception>
    public MovementReaders(DecodeOptions options, ISchemaSource schemas, AvroSchema readerSchema)
    {
        this.schemas = schemas;
        this.readerSchema = readerSchema;
        limits = new AvroLimits { MaxBodyBytes = options.MaximumValueBytes };
        Fields = new MovementFields(readerSchema);
    }

    internal MovementFields Fields { get; }

    internal int SlotCount => readerSchema.Fields.Count;

    /// <summary>What reads the records of a schema id, or why nothing can.</summary>
    /// <exception cref="StoreUnavailableException">The schema source does not answer.</exception>
    internal async ValueTask<Entry> GetAsync(int id, CancellationToken token)
    {
        if (entries.TryGetValue(id, out var known))
        {
            return known;
        }

        // An id that the registry does not know today may be registered tomorrow, so that is not kept.
        if (await schemas.GetByIdAsync(id, token) is not { } writer)
        {
            return new Entry(null, null, RejectReason.UnknownSchema, $"The schema registry has no schema with id {id}; register the schema, then replay this event.");
        }

        lock (making)
        {
            if (entries.Count >= Maximum)
            {
                entries.Clear();
            }

            return entries.GetOrAdd(id, _ => Make(id, writer));
        }
    }

    private Entry Make(int id, AvroSchema writer)
    {
        try
        {
            var compiled = RecordReader.Compile(writer, readerSchema, limits);
            return new Entry(compiled, MovementReader.TryCompile(compiled, Fields.Members), RejectReason.None, "");
        }
        catch (AvroException e)
        {
            return new Entry(null, null, RejectReason.WrongRecord, $"Schema {id} ({writer.FullName}) can not be read as {readerSchema.FullName}: {e.Message}");
        }
    }

    /// <param name="Compiled">Reads any body and says what is wrong with a bad one; null where the schema can not be read.</param>
    /// <param name="Fast">Reads what good producers send; null where the schema has types that it does not know.</param>
    /// <param name="Reason">Why nothing can be read.</param>
    /// <param name="Message">The same for people.</param>
    internal sealed record Entry(RecordReader? Compiled, MovementReader? Fast, RejectReason Reason, string Message);
}
