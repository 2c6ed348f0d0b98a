using System.Globalization;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Keeps rejected records as they stand in the file, and beside them why each was rejected. Written afresh by every run.</summary>
public sealed class RejectLog : IDisposable
{
    /// <summary>Rejections that are kept for the report on the terminal.</summary>
    public const int Shown = 20;

    private readonly string reasonsPath;
    private readonly ReadOnlyMemory<byte> header;
    private readonly List<RowRejection> first = [];
    private readonly SortedDictionary<string, long> byReason = new(StringComparer.Ordinal);
    private FileStream? rows;
    private StreamWriter? reasons;

    /// <param name="prefix">Path and name without ending.</param>
    /// <param name="extension">Ending of the side file, such as <c>csv</c>.</param>
    /// <param name="header">First line of the side file.</param>
    public RejectLog(string prefix, string extension, ReadOnlyMemory<byte> header)
    {
        this.header = header;
        RowsPath = $"{prefix}.rejected.{extension}";
        reasonsPath = prefix + ".rejected.reasons.csv";
        try
        {
            File.Delete(RowsPath);
            File.Delete(reasonsPath);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"{RowsPath} can not be replaced: {error.Message}", error);
        }
    }

    public string RowsPath { get; }

    public long Count { get; private set; }

    public IReadOnlyList<RowRejection> First => first;

    public IReadOnlyDictionary<string, long> ByReason => byReason;

    public void Add(RowRejection rejection, ReadOnlySpan<byte> verbatim)
    {
        Count++;
        byReason[rejection.Reason] = byReason.GetValueOrDefault(rejection.Reason) + 1;
        if (first.Count < Shown)
        {
            first.Add(rejection);
        }

        try
        {
            if (rows is null || reasons is null)
            {
                rows = new FileStream(RowsPath, FileMode.Create, FileAccess.Write);
                reasons = new StreamWriter(reasonsPath, append: false, new UTF8Encoding(false));
                reasons.Write("line,record,field,column,position,reason,message,value\n");
                if (!header.IsEmpty)
                {
                    rows.Write(header.Span);
                    rows.WriteByte((byte)'\n');
                }
            }

            rows.Write(verbatim);
            rows.WriteByte((byte)'\n');
            reasons.Write(string.Create(CultureInfo.InvariantCulture,
                $"{rejection.Line},{rejection.Row},{Quoted(rejection.Field)},{Quoted(rejection.Column)},{rejection.Position},{rejection.Reason},{Quoted(rejection.Message)},{Quoted(rejection.Value)}\n"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"{RowsPath} can not be written: {error.Message}", error);
        }
    }

    public void Dispose()
    {
        rows?.Dispose();
        reasons?.Dispose();
    }

    private static string Quoted(string text) => "\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
}
