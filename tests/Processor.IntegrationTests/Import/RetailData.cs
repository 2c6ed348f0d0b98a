using System.IO.Compression;
using Xunit;

namespace Stockflow.IntegrationTests.Import;

/// <summary>The UCI "Online Retail" file, which is shared and not part of the repository.</summary>
internal static class RetailData
{
    /// <summary>The file, or null where it is not at hand.</summary>
    public static string? File { get; } = Find();

    /// <summary>Writes the file's beginning, unpacked: so many records and the rest of the last one's invoice.</summary>
    public static async Task WriteBeginningAsync(string path, int records)
    {
        await using var packed = new GZipStream(System.IO.File.OpenRead(File!), CompressionMode.Decompress);
        using var reader = new StreamReader(packed);
        await using var writer = new StreamWriter(path);
        await writer.WriteLineAsync(await reader.ReadLineAsync());
        var invoice = "";
        for (var written = 0; await reader.ReadLineAsync() is { } line; written++)
        {
            var next = line.Split(',')[0];
            if (written >= records && next != invoice)
            {
                return;
            }

            invoice = next;
            await writer.WriteLineAsync(line);
        }
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("STOCKFLOW_ONLINE_RETAIL") is { Length: > 0 } given)
        {
            return System.IO.File.Exists(given) ? given : null;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "shared", "data", "online_retail.csv.gz");
            if (System.IO.File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }
}

/// <summary>A test that is skipped, with the reason, where the shared data is not at hand.</summary>
internal sealed class RetailDataFactAttribute : FactAttribute
{
    public RetailDataFactAttribute()
    {
        Skip = RetailData.File is null ? "shared/data/online_retail.csv.gz is not beside the repository; set STOCKFLOW_ONLINE_RETAIL to its path." : null;
    }
}
