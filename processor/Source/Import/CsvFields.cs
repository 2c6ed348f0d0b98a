using System.Text;

namespace Stockflow.Source.Import;

/// <summary>
/// Splits one CSV record whose quotes <see cref="CsvQuotes"/> has found in order. Written here because a library reads ahead and
/// loses every record up to the next quote where one is left open; an import must lose one line.
/// </summary>
internal sealed class CsvFields(char delimiter)
{
    private readonly List<string> fields = [];
    private readonly StringBuilder unescaped = new();

    /// <summary>The fields without their quotes; valid until the next call.</summary>
    public List<string> Split(string record)
    {
        fields.Clear();
        var start = 0;
        while (true)
        {
            if (start < record.Length && record[start] == '"')
            {
                start = Quoted(record, start + 1);
            }
            else
            {
                var end = record.IndexOf(delimiter, start);
                end = end < 0 ? record.Length : end;
                fields.Add(record[start..end]);
                start = end;
            }

            if (start >= record.Length)
            {
                return fields;
            }

            start++;
        }
    }

    private int Quoted(string record, int start)
    {
        unescaped.Clear();
        while (true)
        {
            var quote = record.IndexOf('"', start);
            quote = quote < 0 ? record.Length : quote;
            unescaped.Append(record, start, quote - start);
            if (quote + 1 >= record.Length || record[quote + 1] != '"')
            {
                fields.Add(unescaped.ToString());
                return quote + 1;
            }

            unescaped.Append('"');
            start = quote + 2;
        }
    }
}
