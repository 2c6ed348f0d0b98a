namespace Stockflow.Model;

/// <summary>Kind of an inventory movement. The order is that of the Avro enum <c>MovementType</c>.</summary>
public enum MovementType : byte
{
    Unknown,
    Sale,
    Return,
    Receipt,
    TransferOut,
    TransferIn,
    Adjustment,
    CycleCount,
    Rtv,
    Damage,
    Reserve,
    Release,
    Ship,
    Correction,
}

/// <summary>The names that stand on the wire, in the ledger and in the HTTP API.</summary>
public static class MovementTypes
{
    public static readonly string[] Names =
    [
        "UNKNOWN", "SALE", "RETURN", "RECEIPT", "TRANSFER_OUT", "TRANSFER_IN", "ADJUSTMENT", "CYCLE_COUNT",
        "RTV", "DAMAGE", "RESERVE", "RELEASE", "SHIP", "CORRECTION",
    ];

    public static string Name(this MovementType type) => Names[(int)type];

    public static bool TryParse(string name, out MovementType type)
    {
        var index = Array.IndexOf(Names, name);
        type = index < 0 ? MovementType.Unknown : (MovementType)index;
        return index >= 0;
    }
}
