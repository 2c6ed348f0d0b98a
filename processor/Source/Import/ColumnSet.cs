namespace Stockflow.Source.Import;

/// <summary>Gives each column name a small number, shared by a mapping and the reader of a file.</summary>
public sealed class ColumnSet
{
    private readonly Dictionary<string, int> numbers = new(StringComparer.Ordinal);
    private readonly List<string> names = [];

    public int Count => names.Count;

    public string Name(int column) => names[column];

    /// <summary>The column's number, given now if it is new.</summary>
    public int Add(string name)
    {
        if (!numbers.TryGetValue(name, out var number))
        {
            number = names.Count;
            numbers.Add(name, number);
            names.Add(name);
        }

        return number;
    }
}
