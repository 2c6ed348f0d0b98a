using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// ClickHouse inside this process: one storage folder, any number of connections at once.
/// The engine is a process-wide singleton of libchdb, which locks the folder; it is never shut down, the process exits instead
/// (closing a process with MergeTree tables in an orderly way crashes the library).
/// </summary>
public sealed class ChdbEngine
{
    private readonly string _path;
    private readonly string? _configuration;
    private readonly ChdbConnection _anchor;

    private ChdbEngine(string path, string? configuration)
    {
        _path = path;
        _configuration = configuration;
        // Held for the life of the process: closing the last connection would shut the engine down.
        _anchor = Connect([])
            ?? throw new SetupException($"cannot open ClickHouse data in {path}: another process uses the folder, or it can not be read and written");
        SettingNames = ReadSettingNames(_anchor);
    }

    /// <summary>Every setting the engine knows; it ignores unknown ones without a word, so callers check here.</summary>
    public IReadOnlySet<string> SettingNames { get; }

    /// <summary>Version of libchdb.</summary>
    public static unsafe string Version => Marshal.PtrToStringUTF8((nint)ChdbNative.Version()) ?? "";

    /// <summary>Loads libchdb and opens <paramref name="path"/>, creating it when needed.</summary>
    /// <param name="path">Storage folder.</param>
    /// <param name="fsync">True to write inserts through to the disk before they are acknowledged: needed only against power loss.</param>
    /// <exception cref="SetupException">The library is missing or the folder can not be opened.</exception>
    public static ChdbEngine Open(string path, bool fsync = false)
    {
        var library = ChdbNative.LibraryPath;
        if (!File.Exists(library))
        {
            throw new SetupException($"libchdb.so not found at {library}: run ./eng/setup");
        }

        try
        {
            path = Path.GetFullPath(path);
            Directory.CreateDirectory(path);
            // The runtime turns SIGSEGV into exceptions; the engine must not take its handlers away.
            ChdbNative.SetSignalHandlersEnabled(0);
            return new ChdbEngine(path, fsync ? WriteConfiguration(path) : null);
        }
        catch (Exception failure) when (failure is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            throw new SetupException($"{library} can not be loaded ({failure.Message}): run ./eng/setup", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"cannot use the folder {path}: {failure.Message}", failure);
        }
    }

    /// <summary>Opens a connection with its own settings; null when the engine refuses a value.</summary>
    public unsafe ChdbConnection? Connect(IReadOnlyList<KeyValuePair<string, string>> settings)
    {
        var texts = new List<string>(settings.Count + 3) { "clickhouse", "--path=" + _path };
        if (_configuration is not null)
        {
            texts.Add("--config-file=" + _configuration);
        }

        foreach (var (name, value) in settings)
        {
            texts.Add($"--{name}={value}");
        }

        var arguments = stackalloc byte*[texts.Count];
        try
        {
            for (var i = 0; i < texts.Count; i++)
            {
                arguments[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
            }

            var handle = ChdbNative.Connect(texts.Count, arguments);
            return handle == null ? null : new ChdbConnection(handle);
        }
        finally
        {
            for (var i = 0; i < texts.Count; i++)
            {
                Marshal.FreeCoTaskMem((nint)arguments[i]);
            }
        }
    }

    /// <summary>Asks the engine to stop every query whose log_comment is <paramref name="tag"/>.</summary>
    public void Kill(string tag)
    {
        using var connection = Connect([]);
        using var result = connection?.Query(
            "KILL QUERY WHERE Settings['log_comment'] = {tag:String} ASYNC"u8, "Null", [new("tag", tag)]);
    }

    private static HashSet<string> ReadSettingNames(ChdbConnection connection)
    {
        using var result = connection.Query("SELECT name FROM system.settings"u8, "LineAsString", []);
        if (result.Error is { } error)
        {
            throw new SetupException($"the embedded ClickHouse does not answer: {error}");
        }

        return [.. Encoding.UTF8.GetString(result.Bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    [SuppressMessage("Performance", "CA1869", Justification = "Written once per process.")]
    private static string WriteConfiguration(string path)
    {
        var file = Path.Combine(path, "stockflow-config.xml");
        File.WriteAllText(file, """
            <clickhouse>
              <merge_tree>
                <fsync_after_insert>1</fsync_after_insert>
                <fsync_part_directory>1</fsync_part_directory>
              </merge_tree>
            </clickhouse>

            """);
        return file;
    }
}
