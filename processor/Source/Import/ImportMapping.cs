namespace Stockflow.Source.Import;

/// <summary>A mapping file, compiled: how the columns of a file become movements. Made by <see cref="MappingParser"/>.</summary>
public sealed class ImportMapping
{
    public const string AnyAttribute = "*";

    public required string Name { get; init; }

    /// <summary>Stable name of the data; part of each event_id that is made from content.</summary>
    public required string Dataset { get; init; }

    /// <summary>Hash of the mapping's text: progress made with another mapping is not resumed.</summary>
    public required string TextHash { get; init; }

    public required ColumnSet Columns { get; init; }

    public required CsvInput Csv { get; init; }

    public required NumberFormat Numbers { get; init; }

    public required TimeFormat Times { get; init; }

    /// <summary>By <see cref="ImportField"/>; null where neither the file nor the mapping has it.</summary>
    public required FieldSource?[] Fields { get; init; }

    public required IReadOnlyList<AttributeSource> Attributes { get; init; }

    public required QuantitySign Sign { get; init; }

    /// <summary>In order, the first that fits counts; empty where the movement type alone decides.</summary>
    public required IReadOnlyList<MappingRule> Rules { get; init; }

    public ReferenceRules? Reference { get; init; }

    public TieRules? Tie { get; init; }

    /// <summary>Whether any value is replaced by a keyed hash.</summary>
    public bool NeedsKey => Sources().Any(source => source.Pseudonym);

    /// <summary>Whether an id or another value tells exact duplicates apart by counting them.</summary>
    public bool CountsOccurrences => Sources().Any(source => source.Template.Uses(RowFact.Occurrence));

    private IEnumerable<FieldSource> Sources() =>
        Fields.Concat(Attributes.Select(attribute => (FieldSource?)attribute.Source))
            .Concat(Rules.SelectMany(rule => rule.Set.Concat(rule.Attributes.Select(attribute => (FieldSource?)attribute.Source))))
            .OfType<FieldSource>();
}

/// <summary>One entry of <c>attributes</c>. The name <c>*</c> stands for every column with the prefix.</summary>
public sealed record AttributeSource(string Name, FieldSource Source, string ColumnPrefix = "");

/// <summary>What records of one class become.</summary>
public sealed class MappingRule
{
    /// <summary>Name in the summary and, as attribute <c>class</c>, in the ledger.</summary>
    public required string Class { get; init; }

    public required IReadOnlyList<RowCondition> When { get; init; }

    /// <summary>By <see cref="ImportField"/>: sources that take the place of the mapping's own.</summary>
    public required FieldSource?[] Set { get; init; }

    public required IReadOnlyList<AttributeSource> Attributes { get; init; }

    public QuantitySign? Sign { get; init; }

    /// <summary>Whether such records are counted and not imported.</summary>
    public bool Skip { get; init; }

    public bool Fits(RawRow row, NumberFormat numbers)
    {
        foreach (var condition in When)
        {
            if (!condition.Holds(row, numbers))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>Reference records that the file implies.</summary>
public sealed class ReferenceRules
{
    /// <summary>The SKU's name; the one that most records give wins. Null: no reference.sku records.</summary>
    public ValueTemplate? SkuName { get; init; }

    /// <summary>Classes of records whose name counts; empty for all.</summary>
    public IReadOnlySet<string> NameClasses { get; init; } = new HashSet<string>();

    public string UnitOfMeasure { get; init; } = "EACH";

    public IReadOnlyList<SkuKind> Kinds { get; init; } = [];

    /// <summary>By id. A location of the file that is not among them gets its id as name.</summary>
    public IReadOnlyDictionary<string, LocationFact> Locations { get; init; } = new Dictionary<string, LocationFact>();

    public bool WritesLocations { get; init; }
}

/// <summary>A kind of SKU, told by the record; the first that fits counts. It becomes the SKU's category and, as attribute
/// <c>sku_kind</c>, part of its movements.</summary>
public sealed record SkuKind(string Name, bool Stocked, IReadOnlyList<RowCondition> When);

/// <summary>A reference.location record.</summary>
public sealed record LocationFact(string Id, string Name, string Kind, string? Country, string TimeZone);

/// <summary>The built-in step <c>tie_cancellations</c>.</summary>
/// <param name="Sales">Classes that may be cancelled.</param>
/// <param name="Cancellations">Classes that cancel.</param>
/// <param name="Same">Columns that must be equal and not empty.</param>
/// <param name="EventAttribute">Attribute that gets the sale's event_id.</param>
/// <param name="DocumentAttribute">Attribute that gets the sale's reference_id.</param>
public sealed record TieRules(
    IReadOnlySet<string> Sales, IReadOnlySet<string> Cancellations, IReadOnlyList<int> Same, string EventAttribute, string DocumentAttribute);
