using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>What a command would change and answer, made from what the store had when it was planned.</summary>
/// <param name="Transaction">What to do; the runner adds the idempotency key.</param>
/// <param name="Status">HTTP status of success.</param>
/// <param name="Body">JSON of success.</param>
internal sealed record Plan(StockTransaction Transaction, int Status, byte[] Body)
{
    /// <summary>Path of a created document.</summary>
    public string Location { get; init; } = "";

    /// <summary>Its revision.</summary>
    public long Revision { get; init; }

    /// <summary>Whether too little stock means planning again (a part may do) and not refusing.</summary>
    public bool ReplanWhenShort { get; init; }

    /// <summary>Nothing to do: the document is as the command wants it.</summary>
    public bool IsVoid { get; init; }
}

/// <summary>A command that is refused: problem details with a stable code.</summary>
internal sealed class RefusedCommandException(int status, string code, string detail) : Exception(detail)
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    public static RefusedCommandException BadValue(string field, string problem) => new(400, "bad-value", $"{field} {problem}.");

    public static RefusedCommandException NotFound(string kind, string id) => new(404, $"{kind}-not-found", $"There is no {kind} '{id}'.");

    public static RefusedCommandException WrongState(string detail) => new(409, "wrong-state", detail);

    public static void ThrowIf(bool isBad, string field, string problem)
    {
        if (isBad)
        {
            throw BadValue(field, problem);
        }
    }
}

/// <summary>What a command came to.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Code">Stable code of a refusal; empty for a success.</param>
/// <param name="Detail">Why it was refused.</param>
/// <param name="Body">JSON of a success.</param>
internal sealed record CommandResult(int Status, string Code, string Detail, byte[] Body)
{
    public string Location { get; init; } = "";

    public long Revision { get; init; }

    public bool IsRepeated { get; init; }

    public string Durability { get; init; } = "";

    public bool IsRefused => Code.Length > 0;
}
