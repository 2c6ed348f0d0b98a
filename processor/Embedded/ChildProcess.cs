using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Threading.Channels;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// A program that this process starts, waits for and ends. Its output goes to a file, line by line; it ends when this process ends,
/// even by SIGKILL, if it is a <c>processor</c> or started by <see cref="StartGuarded"/>.
/// </summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private const int TailLines = 25;

    // 'cat' ends when the parent's end of the pipe does; setsid keeps the terminal's Ctrl+C away from the server.
    private const string GuardScript = """
        if command -v setsid >/dev/null; then setsid "$@" </dev/null & else "$@" </dev/null & fi
        server=$!
        (while kill -0 $server 2>/dev/null; do sleep 0.2; done; kill -TERM $$ 2>/dev/null) &
        cat >/dev/null
        kill -TERM $server 2>/dev/null
        wait $server
        """;

    private readonly Process process;
    private readonly StreamWriter log;
    private readonly Channel<string> lines = Channel.CreateBounded<string>(new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly ConcurrentQueue<string> tail = new();
    private readonly Lock gate = new();
    private int openStreams = 2;

    private ChildProcess(string name, Process process, StreamWriter log)
    {
        Name = name;
        this.process = process;
        this.log = log;
    }

    /// <summary>What people call it.</summary>
    public string Name { get; }

    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>Exit code; 128 plus the signal's number after a signal.</summary>
    public int ExitCode => process.ExitCode;

    /// <summary>The last lines that it printed.</summary>
    public string Tail => string.Join('\n', tail);

    /// <summary>Starts this same executable with other arguments.</summary>
    public static ChildProcess StartSelf(string name, IEnumerable<string> arguments, string logFile)
    {
        var program = Environment.ProcessPath ?? throw new SetupException("this process does not know its own executable.");
        // Started as 'dotnet processor.dll', or from a test host: the path is that of another program.
        if (!string.Equals(Path.GetFileNameWithoutExtension(program), "processor", StringComparison.Ordinal))
        {
            program = Path.Combine(AppContext.BaseDirectory, "processor");
        }

        return Start(name, program, arguments, logFile);
    }

    /// <summary>Starts a program that knows nothing of its parent, under a shell that ends it with this process.</summary>
    public static ChildProcess StartGuarded(string name, string program, IEnumerable<string> arguments, string logFile) =>
        Start(name, "/bin/sh", ["-c", GuardScript, name, program, .. arguments], logFile);

    /// <summary>Starts a program.</summary>
    /// <exception cref="SetupException">It can not be started.</exception>
    public static ChildProcess Start(string name, string program, IEnumerable<string> arguments, string logFile)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[ParentWatch.Variable] = "1";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new SetupException($"{name}: '{program}' can not be started: {e.Message}.", e);
        }

        var child = new ChildProcess(name, process, new StreamWriter(logFile, append: true) { AutoFlush = true });
        process.OutputDataReceived += (_, line) => child.Take(line.Data);
        process.ErrorDataReceived += (_, line) => child.Take(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Waits for a line that begins with a text and returns what follows it.</summary>
    /// <exception cref="SetupException">It ended, or took longer; the message holds the last lines that it printed.</exception>
    public async Task<string> WaitForLineAsync(string prefix, TimeSpan timeout, CancellationToken token) =>
        (await WaitForLineAsync(line => line.StartsWith(prefix, StringComparison.Ordinal), timeout, token))[prefix.Length..];

    /// <summary>Waits for a line with a text anywhere in it and returns the line.</summary>
    /// <exception cref="SetupException">It ended, or took longer; the message holds the last lines that it printed.</exception>
    public Task<string> WaitForLineContainingAsync(string text, TimeSpan timeout, CancellationToken token) =>
        WaitForLineAsync(line => line.Contains(text, StringComparison.Ordinal), timeout, token);

    private async Task<string> WaitForLineAsync(Func<string, bool> isWanted, TimeSpan timeout, CancellationToken token)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(token);
        bound.CancelAfter(timeout);
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(bound.Token))
            {
                if (isWanted(line))
                {
                    return line;
                }
            }
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            throw new SetupException($"{Name} was not ready after {timeout.TotalSeconds:0} s. It printed:\n{Tail}");
        }

        throw new SetupException($"{Name} ended before it was ready. It printed:\n{Tail}");
    }

    public Task WaitForExitAsync(CancellationToken token) => process.WaitForExitAsync(token);

    /// <summary>Ends it as <c>kill -9</c> does.</summary>
    public void Kill() => process.Kill(entireProcessTree: true);

    /// <summary>Asks it to end and waits; after the grace it is killed.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        if (!process.HasExited)
        {
            try
            {
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It closed its end first.
            }

            using var bound = new CancellationTokenSource(grace);
            try
            {
                await process.WaitForExitAsync(bound.Token);
            }
            catch (OperationCanceledException)
            {
                Kill();
                await process.WaitForExitAsync(CancellationToken.None);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.FromSeconds(10));
        process.Dispose();
        lock (gate)
        {
            log.Dispose();
        }
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            if (Interlocked.Decrement(ref openStreams) == 0)
            {
                lines.Writer.TryComplete();
            }

            return;
        }

        tail.Enqueue(line);
        while (tail.Count > TailLines)
        {
            tail.TryDequeue(out _);
        }

        lines.Writer.TryWrite(line);
        lock (gate)
        {
            if (log.BaseStream.CanWrite)
            {
                log.WriteLine(line);
            }
        }
    }
}
