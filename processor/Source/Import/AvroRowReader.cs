using System.Globalization;
using System.Text;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>
/// Reads an Avro object container file. Fields become columns; a nested record's or map's entries become <c>outer.inner</c>. A file of
/// InventoryMovement records of another version is resolved to the current schema, so that its defaults and aliases apply.
/// A broken record costs its block, a broken block the rest of the file.
/// </summary>
public sealed class AvroRowReader : IRowReader
{
    private readonly Stream stream;
    private readonly AvroContainerReader container;
    private readonly AvroResolution resolution;
    private readonly AvroSchema schema;
    private AvroRecord? record;
    private int position, left;
    private bool broken;

    private AvroRowReader(Stream stream, AvroContainerReader container, AvroResolution resolution, AvroSchema schema, ColumnSet columns)
    {
        this.stream = stream;
        this.container = container;
        this.resolution = resolution;
        this.schema = schema;
        Row = new RawRow(columns);
    }

    public ReadOnlyMemory<byte> Header => default;

    public RawRow Row { get; }

    /// <param name="stream">The file's content.</param>
    /// <param name="columns">The mapping's columns.</param>
    /// <param name="movement">The current schema of InventoryMovement.</param>
    /// <param name="token">Stops reading.</param>
    /// <exception cref="SetupException">The file is no container file of records.</exception>
    public static async Task<AvroRowReader> OpenAsync(Stream stream, ColumnSet columns, AvroSchema movement, CancellationToken token)
    {
        try
        {
            var container = await AvroContainerReader.OpenAsync(stream, token: token);
            var target = container.Schema.Name == movement.Name ? movement : container.Schema;
            return target.Type == AvroType.Record
                ? new AvroRowReader(stream, container, AvroResolution.Compile(container.Schema, target), target, columns)
                : throw new SetupException($"the file holds values of type {target.TypeName}; records are expected.");
        }
        catch (AvroException error)
        {
            throw new SetupException(error.Message, error);
        }
    }

    public void Dispose() => stream.Dispose();

    public ReadOnlyMemory<byte> Verbatim() =>
        record is null ? Row.Raw : Encoding.UTF8.GetBytes(AvroJson.Write(schema, record));

    public async ValueTask<bool> ReadAsync(CancellationToken token)
    {
        Row.Clear();
        record = null;
        try
        {
            while (left == 0)
            {
                if (broken || !await container.ReadBlockAsync(token))
                {
                    return false;
                }

                left = container.RecordCount;
                position = 0;
            }
        }
        catch (AvroException error)
        {
            broken = true;
            Next();
            Row.Problem = new RowProblem("avro_block", error.Message);
            return true;
        }

        Next();
        Fill();
        return true;
    }

    private static string? Text(object value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        DateTimeOffset instant => instant.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
        DateTime local => local.ToString("O", CultureInfo.InvariantCulture),
        DateOnly date => date.ToString("O", CultureInfo.InvariantCulture),
        byte[] bytes => Convert.ToHexStringLower(bytes),
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        float number => number.ToString("R", CultureInfo.InvariantCulture),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private void Next()
    {
        Row.Number++;
        Row.Line = Row.Number;
    }

    private void Fill()
    {
        try
        {
            record = (AvroRecord?)GenericReader.Read(resolution, container.BlockData.Span, ref position);
            left--;
            foreach (var (name, value) in record!)
            {
                Add(name, value);
            }
        }
        catch (AvroDataException error)
        {
            Row.Problem = new RowProblem(
                "avro_malformed", $"block at byte {container.BlockStart}: {error.Message} The block's {left} last records can not be read.", error.Position + 1);
            left = 0;
        }
    }

    private void Add(string name, object? value)
    {
        switch (value)
        {
            case IReadOnlyDictionary<string, object?> entries:
                foreach (var (key, entry) in entries)
                {
                    Add(name + "." + key, entry);
                }

                break;
            case List<object?> list:
                Row.Add(Row.Columns.Add(name), string.Join(',', list.Select(item => item is null ? "" : Text(item))));
                break;
            default:
                if (Row.Order.Count < ImportLimits.Columns && Row.Columns.Count < ImportLimits.ColumnNames)
                {
                    Row.Add(Row.Columns.Add(name), value is null ? null : Text(value));
                }

                break;
        }
    }
}
