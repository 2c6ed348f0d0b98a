using System.Text;

namespace Stockflow.Source.Import;

/// <summary>
/// Text with <c>{Column}</c> and <c>{@fact}</c> in it; <c>{{</c> and <c>}}</c> stand for the braces themselves. Facts: <c>@line</c>,
/// <c>@row_hash</c>, <c>@occurrence</c>, <c>@dataset</c>, <c>@file</c>.
/// </summary>
public sealed class ValueTemplate
{
    private static readonly string[] FactNames = ["@line", "@row_hash", "@occurrence", "@dataset", "@file"];
    private readonly List<Part> parts = [];
    private readonly StringBuilder text = new();

    private ValueTemplate()
    {
    }

    /// <summary>Columns that it names.</summary>
    public IEnumerable<int> Columns => parts.Where(part => part.Kind == Kind.Column).Select(part => part.Number);

    /// <summary>The first column that it names, or -1.</summary>
    public int FirstColumn { get; private set; } = -1;

    public bool Uses(RowFact fact) => parts.Exists(part => part.Kind == Kind.Fact && part.Number == (int)fact);

    /// <summary>A template that is one column's value.</summary>
    public static ValueTemplate OfColumn(int column) => new() { parts = { new Part(Kind.Column, "", column) }, FirstColumn = column };

    /// <summary>A template that is always the same text.</summary>
    public static ValueTemplate OfConstant(string value) => new() { parts = { new Part(Kind.Text, value, 0) } };

    /// <exception cref="FormatException">A brace is open, or a fact is unknown; the message says which.</exception>
    public static ValueTemplate Parse(string source, ColumnSet columns)
    {
        var template = new ValueTemplate();
        var literal = new StringBuilder();
        for (var i = 0; i < source.Length; i++)
        {
            var letter = source[i];
            if (letter is '{' or '}' && i + 1 < source.Length && source[i + 1] == letter)
            {
                literal.Append(letter);
                i++;
                continue;
            }

            if (letter == '}')
            {
                throw new FormatException($"'}}' at character {i + 1} closes nothing; write '}}}}' for the brace itself.");
            }

            if (letter != '{')
            {
                literal.Append(letter);
                continue;
            }

            var close = source.IndexOf('}', i);
            if (close <= i + 1)
            {
                throw new FormatException($"'{{' at character {i + 1} needs a column's name and a '}}'; write '{{{{' for the brace itself.");
            }

            template.AddText(literal);
            template.AddName(source[(i + 1)..close], columns);
            i = close;
        }

        template.AddText(literal);
        return template;
    }

    /// <summary>The text for a record; null where it is a single column that the record lacks.</summary>
    public string? Evaluate(RowScope scope)
    {
        if (parts.Count == 1)
        {
            return Evaluate(parts[0], scope);
        }

        text.Clear();
        foreach (var part in parts)
        {
            text.Append(Evaluate(part, scope));
        }

        return text.ToString();
    }

    private static string? Evaluate(Part part, RowScope scope) => part.Kind switch
    {
        Kind.Text => part.Text,
        Kind.Column => scope.Row[part.Number],
        _ => scope.Fact((RowFact)part.Number),
    };

    private void AddText(StringBuilder literal)
    {
        if (literal.Length > 0)
        {
            parts.Add(new Part(Kind.Text, literal.ToString(), 0));
            literal.Clear();
        }
    }

    private void AddName(string name, ColumnSet columns)
    {
        if (name[0] != '@')
        {
            var column = columns.Add(name);
            FirstColumn = FirstColumn < 0 ? column : FirstColumn;
            parts.Add(new Part(Kind.Column, "", column));
            return;
        }

        var fact = Array.IndexOf(FactNames, name);
        if (fact < 0)
        {
            throw new FormatException($"'{name}' is unknown; known: {string.Join(", ", FactNames)}.");
        }

        parts.Add(new Part(Kind.Fact, "", fact));
    }

    private enum Kind
    {
        Text,
        Column,
        Fact,
    }

    private readonly record struct Part(Kind Kind, string Text, int Number);
}
