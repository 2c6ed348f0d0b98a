namespace Stockflow.Chaos.Servers;

/// <summary>
/// A small file system in memory, mounted in a mount namespace of its own, so that nothing of the machine is touched. A process holds the
/// namespace, or the data would be gone with the first server that is killed.
/// </summary>
internal sealed class SmallDisk : IDisposable
{
    private const int Megabyte = 1024 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly ServerProcess holder;

    private SmallDisk(ServerProcess holder, string path)
    {
        this.holder = holder;
        Path = path;
    }

    /// <summary>The mount point, as seen inside the namespace.</summary>
    public string Path { get; }

    /// <summary>What to put in front of a command that shall see the disk.</summary>
    public IReadOnlyList<string> Enter => ["nsenter", $"--mount=/proc/{holder.Id}/ns/mnt"];

    /// <returns>The disk, or why there can be none.</returns>
    public static async Task<(SmallDisk? Disk, string Problem)> TryMountAsync(string folder, long megabytes)
    {
        var path = System.IO.Path.Combine(folder, "small-disk");
        Directory.CreateDirectory(path);
        var script = $"mount -t tmpfs -o size={megabytes}m stockflow-chaos '{path}' && echo mounted && exec sleep 2147483647";
        var holder = ServerProcess.Start(System.IO.Path.Combine(folder, "small-disk.log"), "unshare",
            ["--mount", "--propagation", "private", "sh", "-c", script]);
        try
        {
            await holder.WaitForLineAsync("mounted", Patience);
            return (new SmallDisk(holder, path), "");
        }
        catch (InvalidOperationException e)
        {
            holder.Dispose();
            return (null, e.Message);
        }
    }

    /// <summary>Writes a ballast file until the disk is full.</summary>
    /// <returns>Megabytes written.</returns>
    public long Fill()
    {
        var zeros = new byte[Megabyte];
        long written = 0;
        using var file = new FileStream(Ballast, FileMode.Create, FileAccess.Write, FileShare.None, 0);
        try
        {
            while (true)
            {
                file.Write(zeros);
                written++;
            }
        }
        catch (IOException)
        {
            return written;
        }
    }

    public void Free() => File.Delete(Ballast);

    public void Dispose() => holder.Dispose();

    // The root of another process's mount namespace.
    private string Ballast => $"/proc/{holder.Id}/root{Path}/ballast";
}
