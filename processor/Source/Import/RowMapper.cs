using System.Globalization;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Turns records into movements by a mapping. Not thread-safe; one for each pass over a file.</summary>
public sealed class RowMapper(ImportMapping mapping, RowScope scope, Pseudonyms? pseudonyms)
{
    private const int MaximumId = 64, MaximumText = 256, MaximumAttributes = 32, MaximumAttribute = 1024, MaximumEventId = 128;

    // 1990-01-01, the earliest time that the processor takes.
    private const long EarliestTs = 631_152_000_000;

    private readonly OccurrenceTable occurrences = new();
    private readonly bool counts = mapping.CountsOccurrences;
    private MappingRule? rule;

    /// <summary>The movement of the last record that was mapped.</summary>
    public ImportMovement Movement { get; } = new();

    /// <summary>Whether the last record belongs to a class that is not imported.</summary>
    public bool Skips => rule is { Skip: true };

    /// <summary>How often the last record's content has come so far; 1 where the mapping does not count.</summary>
    public int Occurrence => scope.Occurrence;

    /// <summary>Maps one record into <see cref="Movement"/>.</summary>
    /// <param name="row">The record.</param>
    /// <param name="identify">False leaves out ids and pseudonyms, for a pass that only looks around.</param>
    /// <returns>Why the record can not be imported, or null.</returns>
    public RowRejection? Map(RawRow row, bool identify)
    {
        rule = null;
        if (row.Problem is { } problem)
        {
            return new RowRejection(row.Number, row.Line, "row", "", problem.Position, problem.Reason, problem.Message, "");
        }

        scope.Row = row;
        if (identify && counts)
        {
            scope.Occurrence = occurrences.Next(scope.Hash);
        }

        rule = Rule(row);
        if (rule is null && mapping.Rules.Count > 0)
        {
            return BadNumber(row) ?? new RowRejection(row.Number, row.Line, "row", "", 0, "no_rule", "no rule of the mapping fits this record", "");
        }

        Movement.Attributes.Clear();
        Movement.Class = rule?.Class ?? "";
        return Skips ? null : Fill(identify);
    }

    private MappingRule? Rule(RawRow row)
    {
        foreach (var candidate in mapping.Rules)
        {
            if (candidate.Fits(row, mapping.Numbers))
            {
                return candidate;
            }
        }

        return null;
    }

    // A rule that asks for a number fits no text; the text is what is wrong then, not the lack of a rule.
    private RowRejection? BadNumber(RawRow row)
    {
        foreach (var condition in mapping.Rules.SelectMany(candidate => candidate.When))
        {
            var value = (row[condition.Column] ?? "").Trim();
            if (condition.ComparesNumbers && !mapping.Numbers.TryParse(value, out _))
            {
                var field = Array.FindIndex(mapping.Fields, source => source?.Template.FirstColumn == condition.Column);
                return new RowRejection(
                    row.Number, row.Line, field < 0 ? "row" : ((ImportField)field).Name(), row.Columns.Name(condition.Column), row.Position(condition.Column),
                    "not_a_number", "a number is expected", RowRejection.Shown(value));
            }
        }

        return null;
    }

    private RowRejection? Fill(bool identify)
    {
        var movement = Movement;
        return Text(ImportField.SkuId, MaximumId, required: true, out movement.SkuId)
            ?? Text(ImportField.LocationId, MaximumId, required: true, out movement.LocationId)
            ?? Type()
            ?? Quantity()
            ?? Time(ImportField.EventTs, null, out movement.EventTs)
            ?? Time(ImportField.IngestTs, movement.EventTs, out movement.IngestTs)
            ?? Text(ImportField.SourceSystem, MaximumId, required: true, out movement.SourceSystem)
            ?? Text(ImportField.ReferenceId, MaximumText, required: true, out movement.ReferenceId)
            ?? Price(ImportField.UnitPrice, out movement.UnitPrice)
            ?? Price(ImportField.UnitCost, out movement.UnitCost)
            ?? Currency()
            ?? Optional(ImportField.PromoId, MaximumId, out movement.PromoId)
            ?? Optional(ImportField.Reason, MaximumText, out movement.Reason)
            ?? Optional(ImportField.PerformedBy, MaximumText, out movement.PerformedBy)
            ?? Counterpart()
            ?? Corrects()
            ?? (identify ? Identify() : null);
    }

    private RowRejection? Identify()
    {
        var movement = Movement;
        var wrong = Text(ImportField.EventId, MaximumEventId, required: true, out movement.EventId)
            ?? Optional(ImportField.CustomerRef, MaximumText, out movement.CustomerRef)
            ?? Attributes(mapping.Attributes)
            ?? (rule is null ? null : Attributes(rule.Attributes));
        if (wrong is not null)
        {
            return wrong;
        }

        if (rule is not null)
        {
            movement.SetAttribute("class", rule.Class);
        }

        if (movement.Kind is { Stocked: false } kind)
        {
            movement.SetAttribute("sku_kind", kind.Name);
        }

        return movement.Attributes.Count > MaximumAttributes
            ? new RowRejection(scope.Row.Number, scope.Row.Line, "attributes", "", 0, "attributes", $"there are more than {MaximumAttributes} attributes", "")
            : null;
    }

    private RowRejection? Attributes(IReadOnlyList<AttributeSource> sources)
    {
        foreach (var attribute in sources)
        {
            if (attribute.Name == ImportMapping.AnyAttribute)
            {
                foreach (var column in scope.Row.Order)
                {
                    var name = scope.Row.Columns.Name(column);
                    if (name.StartsWith(attribute.ColumnPrefix, StringComparison.Ordinal))
                    {
                        Movement.SetAttribute(name[attribute.ColumnPrefix.Length..], scope.Row[column] ?? "");
                    }
                }

                continue;
            }

            if (!TryText(attribute.Source, out var value))
            {
                return Reject("attributes." + attribute.Name, attribute.Source, "unmapped_value", "the mapping's value map lacks this value", value);
            }

            if (value.Length > MaximumAttribute)
            {
                return Reject("attributes." + attribute.Name, attribute.Source, "too_long", $"the value has more than {MaximumAttribute} characters", value);
            }

            Movement.SetAttribute(attribute.Name, value);
        }

        return null;
    }

    private RowRejection? Type()
    {
        Movement.Kind = null;
        foreach (var kind in mapping.Reference?.Kinds ?? [])
        {
            if (kind.When.All(condition => condition.Holds(scope.Row, mapping.Numbers)))
            {
                Movement.Kind = kind;
                break;
            }
        }

        var wrong = Text(ImportField.MovementType, MaximumText, required: true, out var name);
        if (wrong is null && (!MovementTypes.TryParse(name, out Movement.Type) || Movement.Type == MovementType.Unknown))
        {
            return Reject(ImportField.MovementType, "unknown_movement_type", "this is no movement type; give the mapping a value map", name);
        }

        Movement.Class = rule?.Class ?? name;
        return wrong;
    }

    private RowRejection? Quantity()
    {
        var movement = Movement;
        movement.CountedQty = null;
        var wrong = Text(ImportField.QtyDelta, MaximumText, required: movement.Type != MovementType.CycleCount, out var text);
        movement.QtyDelta = 0;
        if (wrong is null && text.Length > 0 && !mapping.Numbers.TryParseWhole(text, out movement.QtyDelta))
        {
            return Reject(ImportField.QtyDelta, "not_a_whole_number", "a whole number of units is expected", text);
        }

        wrong ??= Text(ImportField.CountedQty, MaximumText, required: false, out text);
        if (wrong is null && text.Length > 0)
        {
            if (!mapping.Numbers.TryParseWhole(text, out var counted) || counted < 0)
            {
                return Reject(ImportField.CountedQty, "not_a_whole_number", "a whole number of units, not below 0, is expected", text);
            }

            movement.CountedQty = counted;
        }

        if (wrong is not null)
        {
            return wrong;
        }

        var sign = MovementSigns.Of(movement.Type);
        movement.QtyDelta = (rule?.Sign ?? mapping.Sign) switch
        {
            QuantitySign.Negate => -movement.QtyDelta,
            QuantitySign.ByType when sign is { } expected => expected * Math.Abs(movement.QtyDelta),
            _ => movement.QtyDelta,
        };
        return MovementSigns.Problem(movement.Type, movement.QtyDelta, movement.CountedQty) is { } message
            ? Reject(ImportField.QtyDelta, "quantity_sign", message, movement.QtyDelta.ToString(CultureInfo.InvariantCulture))
            : null;
    }

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
