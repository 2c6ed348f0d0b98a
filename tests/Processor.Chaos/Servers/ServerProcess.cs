using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Stockflow.Chaos.Servers;

/// <summary>
/// A child process with its output in a file. It dies with the harness, also when it is stopped by a signal or the harness is killed:
/// the kernel sends it SIGKILL when the thread that started it ends, and that thread lives as long as the harness.
/// </summary>
internal sealed partial class ServerProcess : IDisposable
{
    private const int SigKill = 9, SigTerm = 15, SigCont = 18, SigStop = 19;
    private static readonly BlockingCollection<Action> Starts = StartThread();
    private readonly Process process;
    private readonly StreamWriter log;
    private readonly Lock gate = new();
    private readonly BlockingCollection<string> lines = new(new ConcurrentQueue<string>(), 10_000);
    private bool isClosed;

    private ServerProcess(Process process, StreamWriter log)
    {
        this.process = process;
        this.log = log;
    }

    public int Id => process.Id;

    public bool IsRunning => !process.HasExited;

    public int ExitCode => process.ExitCode;

    /// <summary>The last line that it wrote to standard error, or to its log.</summary>
    public string LastLine { get; private set; } = "";

    /// <summary>Starts a program; its output is appended to the log file.</summary>
    public static ServerProcess Start(string logFile, string program, IEnumerable<string> arguments, bool exitWithParent = false)
    {
        var start = new ProcessStartInfo("setpriv", ["--pdeathsig", "KILL", program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (exitWithParent)
        {
            start.Environment["STOCKFLOW_EXIT_WITH_PARENT"] = "1";
        }

        var log = new StreamWriter(logFile, append: true) { AutoFlush = true };
        log.WriteLine($"--- {DateTime.UtcNow:O} {program} {string.Join(' ', arguments)}");
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Starts.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Win32Exception e)
            {
                started.SetException(new InvalidOperationException($"'setpriv' (package util-linux) can not be started: {e.Message}", e));
            }
        });
        var server = new ServerProcess(started.Task.GetAwaiter().GetResult(), log);
        server.process.OutputDataReceived += (_, line) => server.Write(line.Data, output: true);
        server.process.ErrorDataReceived += (_, line) => server.Write(line.Data, output: false);
        server.process.BeginOutputReadLine();
        server.process.BeginErrorReadLine();
        return server;
    }

    /// <summary>Waits for the next line of standard output that contains the text.</summary>
    /// <exception cref="InvalidOperationException">It has ended, or the line did not come in time.</exception>
    public Task<string> WaitForLineAsync(string text, TimeSpan patience) => Task.Run(() =>
    {
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < patience)
        {
            if (lines.TryTake(out var line, 100))
            {
                if (line.Contains(text, StringComparison.Ordinal))
                {
                    return line;
                }
            }
            else if (process.HasExited && lines.Count == 0)
            {
                break;
            }
        }

        throw new InvalidOperationException($"{process.StartInfo.ArgumentList[2]} did not print '{text}'; its last line: {LastLine}");
    });

    /// <summary>Forgets lines that nobody waited for.</summary>
    public void SkipLines()
    {
        while (lines.TryTake(out _))
        {
        }
    }

    public void WriteLine(string line)
    {
        process.StandardInput.WriteLine(line);
        process.StandardInput.Flush();
    }

    /// <summary>SIGKILL, and waits until it is gone.</summary>
    public void Kill()
    {
        _ = kill(process.Id, SigKill);
        process.WaitForExit();
    }

    public void Terminate() => _ = kill(process.Id, SigTerm);

    public void Pause() => _ = kill(process.Id, SigStop);

    public void Continue() => _ = kill(process.Id, SigCont);

    /// <returns>False if it did not end in time.</returns>
    public async Task<bool> WaitForExitAsync(TimeSpan patience)
    {
        using var bound = new CancellationTokenSource(patience);
        try
        {
            await process.WaitForExitAsync(bound.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            Kill();
        }

        process.Dispose();
        lock (gate)
        {
            isClosed = true;
            log.Dispose();
        }
    }

    private void Write(string? line, bool output)
    {
        if (line is null)
        {
            return;
        }

        lock (gate)
        {
            if (isClosed)
            {
                return;
            }

            log.WriteLine(line);
        }

        // A stack trace's own lines say less than the line above them.
        if (!line.StartsWith("   at ", StringComparison.Ordinal) && !line.StartsWith("--- End", StringComparison.Ordinal) && line.Length > 0)
        {
            LastLine = line;
        }

        if (output)
        {
            lines.TryAdd(line);
        }
    }

    private static BlockingCollection<Action> StartThread()
    {
        var actions = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var action in actions.GetConsumingEnumerable())
            {
                action();
            }
        })
        { IsBackground = true, Name = "starts processes" }.Start();
        return actions;
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
