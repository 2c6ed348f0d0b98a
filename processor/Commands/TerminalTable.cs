using Spectre.Console;

namespace Stockflow.Commands;

/// <summary>A table of text for people. Control characters of the data never reach the terminal.</summary>
internal sealed class TerminalTable
{
    private readonly Table table = new() { Border = TableBorder.Rounded };

    public TerminalTable(params IEnumerable<string> columns)
    {
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(new Text(Printable(column))) { NoWrap = true });
        }
    }

    public int Rows => table.Rows.Count;

    public void Align(params IEnumerable<int> numeric)
    {
        foreach (var column in numeric)
        {
            table.Columns[column].Alignment = Justify.Right;
        }
    }

    public void Add(params IEnumerable<string?> values) => table.AddRow(values.Select(value => new Text(Printable(value ?? ""))));

    public void Write(TextWriter output)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (Console.IsOutputRedirected || output != Console.Out)
        {
            // A pipe has no width; lines must not be cut for it.
            console.Profile.Width = 4096;
        }

        console.Write(table);
    }

    /// <summary>The text with control characters replaced, so that a record can not move the cursor or change colours.</summary>
    public static string Printable(string text) =>
        text.Any(char.IsControl) ? new string([.. text.Select(c => char.IsControl(c) ? '\uFFFD' : c)]) : text;
}
