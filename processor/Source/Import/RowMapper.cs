using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Turns records into movements by a mapping. Not thread-safe; one for each pass over a file.</summary>
public sealed partial class RowMapper(ImportMapping mapping, RowScope scope, Pseudonyms? pseudonyms)
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
}
