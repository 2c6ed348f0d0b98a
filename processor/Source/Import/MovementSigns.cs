using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>The sign that a movement type gives its quantity. The processor refuses others; an import says so by line.</summary>
internal static class MovementSigns
{
    /// <summary>1 or -1; null where the type leaves it open.</summary>
    public static int? Of(MovementType type) => type switch
    {
        MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Ship or MovementType.Reserve => -1,
        MovementType.Return or MovementType.Receipt or MovementType.TransferIn or MovementType.Release => 1,
        _ => null,
    };

    /// <summary>What is wrong with a quantity, or null.</summary>
    public static string? Problem(MovementType type, long quantity, long? counted)
    {
        if (type == MovementType.CycleCount)
        {
            return counted is null ? "a CYCLE_COUNT needs counted_qty" : quantity != 0 ? "the quantity of a CYCLE_COUNT is 0" : null;
        }

        return Of(type) switch
        {
            -1 when quantity >= 0 => $"the quantity of a {type.Name()} is negative",
            1 when quantity <= 0 => $"the quantity of a {type.Name()} is positive",
            null when quantity == 0 && type != MovementType.Correction => $"the quantity of a {type.Name()} is not 0",
            _ => null,
        };
    }
}
