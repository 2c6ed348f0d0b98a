using System.Buffers;
using System.Text;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// Takes values out of a record and refuses those that can not be, by the same bounds as <see cref="ValidationRules"/>. Messages name the
/// place, such as <c>lines[3].qty</c>.
/// </summary>
/// <param name="record">The record, read by our own schema.</param>
/// <param name="options">Bounds.</param>
/// <param name="now">Milliseconds since 1970-01-01 UTC.</param>
/// <param name="list">The list that the record is an item of; empty for the whole.</param>
/// <param name="index">Place within the list, from 0.</param>
internal readonly struct RecordFields(AvroRecord record, DecodeOptions options, long now, string list = "", int index = 0)
{
    /// <summary>Most lines of one record.</summary>
    public const int MaximumLines = 1000;

    private const int MaximumId = 64;

    // The last days that a DateTime64 and a Date of ClickHouse hold.
    private const long LatestTs = 10_382_256_000_000;
    private static readonly DateOnly FirstDay = new(1990, 1, 1), LastDay = new(2148, 12, 31);

    private static readonly SearchValues<char> Control = SearchValues.Create([.. Enumerable.Range(0, 32).Select(i => (char)i), (char)127]);

    /// <summary>Name of the record's type.</summary>
    public string TypeName => record.Schema.Name;

    /// <summary>An id that must be there.</summary>
    public string Id(string name, int maximum = MaximumId)
    {
        var id = (string)record[name]!;
        return id.Length == 0
            ? throw Refused(RejectReason.MissingId, name, "is empty; it is required.")
            : Checked(id, name, maximum);
    }

    /// <summary>The id, or null where it is null or empty.</summary>
    public string? OptionalId(string name) => record[name] is string { Length: > 0 } id ? Checked(id, name, MaximumId) : null;

    /// <summary>The text, or null where it is null or empty.</summary>
    public string? OptionalText(string name) => record[name] is not string { Length: > 0 } text ? null
        : Encoding.UTF8.GetByteCount(text) <= ValidationRules.MaximumText ? text
        : throw Refused(RejectReason.BadId, name, $"is longer than {ValidationRules.MaximumText} bytes.");

    /// <summary>Milliseconds since 1970-01-01 UTC of something that has happened.</summary>
    public long PastTime(string name)
    {
        var at = Milliseconds(name);
        return at < ValidationRules.EarliestTs ? throw Refused(RejectReason.TimeRange, name, $"{at} is before 1990; expected milliseconds since 1970-01-01 UTC.")
            : at > now + (options.FutureSeconds * 1000L)
                ? throw Refused(RejectReason.TimeFuture, name, $"{at} is more than {options.FutureSeconds} s ahead of this machine's clock (decode.futureSeconds).")
            : at;
    }

    /// <summary>Milliseconds since 1970-01-01 UTC of something that is planned.</summary>
    public long PlannedTime(string name)
    {
        var at = Milliseconds(name);
        return at is >= ValidationRules.EarliestTs and < LatestTs
            ? at
            : throw Refused(RejectReason.TimeRange, name, $"{at} is not from 1990 to 2298; expected milliseconds since 1970-01-01 UTC.");
    }

    public DateOnly? OptionalDay(string name) => record[name] switch
    {
        null => null,
        DateOnly day when day >= FirstDay && day <= LastDay => day,
        var other => throw Refused(RejectReason.TimeRange, name,
            $"{(other is DateOnly day ? day.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture) : other)} is not from 1990 to 2148; expected days since 1970-01-01."),
    };

    public long Quantity(string name, long least)
    {
        var quantity = (long)record[name]!;
        return quantity >= least && quantity <= options.MaximumQuantity
            ? quantity
            : throw Refused(RejectReason.QuantityRange, name, $"{quantity} is not from {least} to {options.MaximumQuantity} units (decode.maximumQuantity).");
    }

    /// <summary>Ten-thousandths of the currency unit.</summary>
    public long? OptionalMoney(string name) => record[name] switch
    {
        null => null,
        decimal money when AvroDecimal.TryToUnscaled(money, 4, out var units) && Int128.Abs(units) <= Movement.MaximumMoney => (long)units,
        _ => throw Refused(RejectReason.QuantityRange, name, "has more than 18 digits."),
    };

    public string? OptionalCurrency(string name) => record[name] is not string { Length: > 0 } currency ? null
        : currency.Length == 3 && !currency.AsSpan().ContainsAnyExceptInRange('A', 'Z') ? currency
        : throw Refused(RejectReason.Currency, name, "is not three capital letters of ISO 4217.");

    /// <summary>The place of a symbol among those of ours; 0, which is UNKNOWN, is refused.</summary>
    public int Symbol(string name, IReadOnlyList<string> symbols)
    {
        var symbol = (string)record[name]!;
        for (var i = 1; i < symbols.Count; i++)
        {
            if (symbols[i] == symbol)
            {
                return i;
            }
        }

        throw Refused(RejectReason.UnknownType, name, $"is UNKNOWN, or a symbol that this version does not know; expected one of {string.Join(", ", symbols.Skip(1))}.");
    }

    public T[] Lines<T>(Func<RecordFields, T> read, bool mayBeEmpty)
    {
        const string name = "lines";
        var items = (List<object?>)record[name]!;
        if (items.Count > MaximumLines)
        {
            throw Refused(RejectReason.Lines, name, $"has {items.Count} entries, more than {MaximumLines}; split the event.");
        }

        if (items.Count == 0 && !mayBeEmpty)
        {
            throw Refused(RejectReason.Lines, name, "is empty; it must hold the lines that this event touches.");
        }

        var lines = new T[items.Count];
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = read(new RecordFields((AvroRecord)items[i]!, options, now, name, i));
        }

        return lines;
    }

    public RefusedRecordException Refused(RejectReason reason, string name, string problem) =>
        new(reason, list.Length == 0 ? $"{name} {problem}" : $"{list}[{index}].{name} {problem}");

    private string Checked(string id, string name, int maximum)
    {
        var bytes = Encoding.UTF8.GetByteCount(id);
        return bytes > maximum || id.AsSpan().ContainsAny(Control) || id[0] == ' ' || id[^1] == ' '
            ? throw Refused(RejectReason.BadId, name, $"must be 1 to {maximum} bytes without control characters and without blanks at its ends; it has {bytes} bytes.")
            : id;
    }

    // A time that no .NET type holds comes as the number it is.
    private long Milliseconds(string name) => record[name] is DateTimeOffset at ? at.ToUnixTimeMilliseconds() : (long)record[name]!;
}
