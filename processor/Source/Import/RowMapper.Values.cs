using System.Text;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <content>Single values: their type, their bounds, and what is said of those that do not fit.</content>
public sealed partial class RowMapper
{
    private RowRejection? Time(ImportField field, long? otherwise, out long millis)
    {
        millis = otherwise ?? 0;
        var wrong = Text(field, MaximumText, required: otherwise is null, out var text);
        if (wrong is not null || text.Length == 0)
        {
            return wrong;
        }

        return !mapping.Times.TryParse(text, out millis)
            ? Reject(field, "not_a_time", $"the time does not fit {string.Join(" or ", mapping.Times.Formats)}", text)
            : millis < EarliestTs ? Reject(field, "time_range", "the time is before 1990, which the processor refuses", text)
            : null;
    }

    private RowRejection? Price(ImportField field, out decimal? price)
    {
        price = null;
        var wrong = Text(field, MaximumText, required: false, out var text);
        if (wrong is not null || text.Length == 0)
        {
            return wrong;
        }

        if (!mapping.Numbers.TryParsePrice(text, out var value))
        {
            return Reject(field, "not_a_price", $"a number with at most {NumberFormat.PriceScale} digits after the point is expected", text);
        }

        price = value;
        return null;
    }

    private RowRejection? Currency()
    {
        var wrong = Optional(ImportField.Currency, MaximumText, out Movement.Currency);
        return wrong is null && Movement.Currency is { } code && (code.Length != 3 || !code.All(char.IsAsciiLetterUpper))
            ? Reject(ImportField.Currency, "not_a_currency", "three capital letters of ISO 4217 are expected", code)
            : wrong;
    }

    private RowRejection? Counterpart()
    {
        var wrong = Optional(ImportField.CounterpartLocationId, MaximumId, out Movement.CounterpartLocationId);
        var needed = Movement.Type is MovementType.TransferOut or MovementType.TransferIn;
        return wrong is null && needed && (Movement.CounterpartLocationId is null || Movement.CounterpartLocationId == Movement.LocationId)
            ? Reject(ImportField.CounterpartLocationId, "missing", "a transfer needs the other end's location", Movement.CounterpartLocationId ?? "")
            : wrong;
    }

    private RowRejection? Corrects()
    {
        var wrong = Optional(ImportField.CorrectsEventId, MaximumEventId, out Movement.CorrectsEventId);
        return wrong is null && Movement.Type == MovementType.Correction && Movement.CorrectsEventId is null
            ? Reject(ImportField.CorrectsEventId, "missing", "a CORRECTION needs the event that it corrects", "")
            : wrong;
    }

    private RowRejection? Optional(ImportField field, int maximum, out string? value)
    {
        var wrong = Text(field, maximum, required: false, out var text);
        value = text.Length == 0 ? null : text;
        return wrong;
    }

    private RowRejection? Text(ImportField field, int maximum, bool required, out string value)
    {
        var source = rule?.Set[(int)field] ?? mapping.Fields[(int)field];
        value = "";
        if (source is not null && !TryText(source, out value))
        {
            return Reject(field, "unmapped_value", "the mapping's value map lacks this value", value);
        }

        return value.Length == 0 && required ? Reject(field, "missing", "a value is needed here", value)
            : IsTooLong(value, maximum) ? Reject(field, "too_long", $"the value is longer than the {maximum} bytes allowed", value)
            : value.AsSpan().ContainsAnyInRange('\0', '\u001F') ? Reject(field, "control_character", "the value holds a line break or another control character", value)
            : null;
    }

    private static bool IsTooLong(string value, int maximum) =>
        value.Length > maximum || (value.Length * 3 > maximum && Encoding.UTF8.GetByteCount(value) > maximum);

    private bool TryText(FieldSource source, out string value)
    {
        var found = source.TryEvaluate(scope, out value);
        if (found && source.Pseudonym && value.Length > 0)
        {
            value = pseudonyms!.Of(value);
        }

        return found;
    }

    private RowRejection Reject(ImportField field, string reason, string message, string value) =>
        Reject(field.Name(), rule?.Set[(int)field] ?? mapping.Fields[(int)field], reason, message, value);

    private RowRejection Reject(string field, FieldSource? source, string reason, string message, string value)
    {
        var column = source?.Template.FirstColumn ?? -1;
        return new RowRejection(
            scope.Row.Number, scope.Row.Line, field, column < 0 ? "" : scope.Row.Columns.Name(column), column < 0 ? 0 : scope.Row.Position(column),
            reason, message, RowRejection.Shown(value));
    }
}
