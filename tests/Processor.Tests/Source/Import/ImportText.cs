using System.Text;
using Stockflow.Source.Import;

namespace Stockflow.Tests.Source.Import;

/// <summary>Reads text as an import does.</summary>
internal static class ImportText
{
    public const string RetailHeader = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    public static List<ReadRow> Csv(byte[] content, char delimiter = ',', bool latin1 = false)
    {
        using var reader = new CsvRowReader(new MemoryStream(content), new CsvInput(delimiter, latin1, []), new ColumnSet());
        return All(reader, reader.Read);
    }

    public static List<ReadRow> Csv(string content, char delimiter = ',') => Csv(Encoding.UTF8.GetBytes(content), delimiter);

    public static List<ReadRow> JsonLines(string content)
    {
        using var reader = new JsonLinesRowReader(new MemoryStream(Encoding.UTF8.GetBytes(content)), new ColumnSet());
        return All(reader, reader.Read);
    }

    private static List<ReadRow> All(IRowReader reader, Func<bool> read)
    {
        var rows = new List<ReadRow>();
        while (read())
        {
            var row = reader.Row;
            rows.Add(new ReadRow(
                row.Number, row.Line, row.Problem?.Reason, row.Problem?.Position ?? 0, Encoding.UTF8.GetString(row.Raw.Span),
                [.. row.Order.Select(column => row.Columns.Name(column) + "=" + row[column])], row.Problem is null ? row.ContentHash() : 0));
        }

        return rows;
    }

    public sealed record ReadRow(long Number, long Line, string? Problem, int Position, string Raw, string[] Values, UInt128 Hash);
}
