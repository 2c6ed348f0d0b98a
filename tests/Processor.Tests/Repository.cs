namespace Stockflow.Tests;

/// <summary>The checkout that the tests run from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Processor.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"no Processor.sln above {AppContext.BaseDirectory}");
    }
}
