using System.Collections.Concurrent;
using System.Diagnostics;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>A child process whose output lines can be waited for. It dies with the test host.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    /// <summary>Only bounds a hang; no test passes or fails by it otherwise.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly BlockingCollection<string> lines = [];
    private readonly ConcurrentQueue<string> everything = new();

    private ServerProcess(Process process) => this.process = process;

    /// <summary>The process id.</summary>
    public int Id => process.Id;

    /// <summary>True until the process has ended.</summary>
    public bool IsRunning => !process.HasExited;

    /// <summary>All that was printed so far, for a failure's message.</summary>
    public string Output => string.Join('\n', everything);

    /// <summary>The executable 'processor' beside the test assembly.</summary>
    public static string Processor
    {
        get
        {
            var path = Path.Combine(AppContext.BaseDirectory, "processor");
            return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing; build the solution.");
        }
    }

    /// <summary>Starts a program. Settings are added to the environment.</summary>
    public static ServerProcess Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? settings = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new InvalidOperationException($"'{program}' can not be started ({missing.Message}); run 'eng/setup test'.", missing);
        }

        var server = new ServerProcess(process);
        process.OutputDataReceived += (_, line) => server.Add(line.Data, last: true);
        process.ErrorDataReceived += (_, line) => server.Add(line.Data, last: false);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        AppDomain.CurrentDomain.ProcessExit += server.OnHostExit;
        return server;
    }

    /// <summary>Waits for the next line of standard output that contains the text, and returns it.</summary>
    public Task<string> WaitForLineAsync(string text) => Task.Run(() =>
    {
        var deadline = Stopwatch.StartNew();
        while (!lines.IsCompleted && deadline.Elapsed < Patience)
        {
            if (lines.TryTake(out var line, Patience - deadline.Elapsed) && line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new InvalidOperationException($"'{text}' was not printed by {process.StartInfo.FileName}. Its output:\n{Output}");
    });

    /// <summary>Writes a line to its standard input.</summary>
    public async Task WriteLineAsync(string line)
    {
        await process.StandardInput.WriteLineAsync(line);
        await process.StandardInput.FlushAsync();
    }

    /// <summary>Closes its standard input.</summary>
    public void CloseInput() => process.StandardInput.Close();

    /// <summary>Ends it as 'kill -9' does, and waits until it is gone.</summary>
    public void Kill()
    {
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
    }

    /// <summary>Asks it to end, by SIGTERM.</summary>
    public void Terminate() => Signal("TERM");

    /// <summary>Stops it where it stands, by SIGSTOP: its connections stay open and it answers nothing.</summary>
    public void Suspend() => Signal("STOP");

    /// <summary>Lets it go on.</summary>
    public void Continue() => Signal("CONT");

    /// <summary>Waits for its end and returns the exit code. A process with much to do may be given more patience.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan? patience = null)
    {
        using var bound = new CancellationTokenSource(patience ?? Patience);
        await process.WaitForExitAsync(bound.Token);
        return process.ExitCode;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnHostExit;
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }

        await process.WaitForExitAsync();
        process.Dispose();
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{Id}"]);
        kill.WaitForExit();
    }

    private void Add(string? line, bool last)
    {
        if (line is not null)
        {
            everything.Enqueue(line);
        }

        // Standard error is kept for messages only.
        if (last && line is not null)
        {
            lines.Add(line);
        }
        else if (last)
        {
            lines.CompleteAdding();
        }
    }

    private void OnHostExit(object? sender, EventArgs e)
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
    }
}
