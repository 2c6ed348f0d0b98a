namespace Stockflow.Source.Import;

/// <summary>Why one record of a file was not imported.</summary>
/// <param name="Row">Number of the record in the file, from 1, without the header.</param>
/// <param name="Line">Line where the record starts, from 1; for a container file the record's number.</param>
/// <param name="Field">Field of InventoryMovement, or <c>row</c> where the record as a whole is unreadable.</param>
/// <param name="Column">Name of the column that the value came from, empty where there is none.</param>
/// <param name="Position">Place of the column in the record from 1; for a broken record the byte in it from 1; 0 where unknown.</param>
/// <param name="Reason">Stable code.</param>
/// <param name="Message">One line for people.</param>
/// <param name="Value">The value, shortened.</param>
public sealed record RowRejection(
    long Row, long Line, string Field, string Column, int Position, string Reason, string Message, string Value)
{
    /// <summary>The value as a report shows it: one line, shortened.</summary>
    public static string Shown(string? value)
    {
        var text = (value ?? "").ReplaceLineEndings(" ");
        return text.Length <= ImportLimits.ShownValue ? text : string.Concat(text.AsSpan(0, ImportLimits.ShownValue), "...");
    }
}
