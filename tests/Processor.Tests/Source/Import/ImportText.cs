using System.Text;
using Stockflow.Source.Import;

namespace Stockflow.Tests.Source.Import;

/// <summary>Reads text as an import does.</summary>
internal static class ImportText
{
    public const string RetailHeader = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    /// <summary>A file of sales, a fee and exact duplicates; every tenth record cancels a sale.</summary>
    public static string Retail(int rows)
    {
        var text = new StringBuilder(RetailHeader);
        for (var i = 0; i < rows; i++)
        {
            text.Append((i % 10) switch
            {
                9 => $"C{i},A,LAMP,-1,2010-12-02 08:26:00,1.00,7.0,United Kingdom\n",
                8 => $"{i},POST,POSTAGE,1,2010-12-01 08:26:00,1.00,7.0,United Kingdom\n",
                7 => "same,B,SHADE,1,2010-12-01 08:26:00,1.00,7.0,United Kingdom\n",
                _ => $"{i},A,LAMP,{i % 5 + 1},2010-12-01 08:26:00,1.00,7.0,United Kingdom\n",
            });
        }

        return text.ToString();
    }

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
