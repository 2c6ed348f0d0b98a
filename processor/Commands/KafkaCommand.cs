using System.CommandLine;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>
/// <c>processor kafka</c>: the embedded Kafka listener as a process of its own, so that it outlives a processor that is killed.
/// Exit codes: 0 after SIGTERM, SIGINT or the end of its parent; 1 when it can not start or its options are wrong.
/// </summary>
public static class KafkaCommand
{
    /// <summary>The line that is printed when clients can connect, before the address.</summary>
    public const string ReadyPrefix = "listening on ";

    /// <summary>Creates the command for the root command.</summary>
    public static Command Create()
    {
        var topics = new Option<string>("--topics") { Description = "Topics to create: name:partitions,name:partitions.", HelpName = "list", DefaultValueFactory = _ => "" };
        var brokers = new Option<int>("--brokers") { Description = "Number of brokers.", HelpName = "n", DefaultValueFactory = _ => 1 };
        var port = new Option<int>("--port") { Description = "A fixed bootstrap port on 127.0.0.1; 0 takes what the system gives.", HelpName = "port", DefaultValueFactory = _ => 0 };
        var delay = new Option<int>("--rebalance-delay-ms") { Description = "How long an empty consumer group waits for more members.", HelpName = "ms", DefaultValueFactory = _ => 100 };
        var control = new Option<bool>("--control") { Description = "Read fault commands from standard input, one a line; each is answered by a line 'ok' or 'error: ...'." };
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "End when standard input closes." };
        var command = new Command("kafka", $"""
            Run a Kafka listener on this machine, without a Kafka installation.

            It prints 'listening on 127.0.0.1:PORT' when ready and ends on Ctrl-C or SIGTERM. Records live in memory: a
            partition keeps 5 MiB (as sent, compressed counts compressed) and silently drops the oldest beyond that.
            A topic that is not listed appears with 4 partitions when a client asks for it.

            Examples:
              processor kafka --topics inventory.movements:12,inventory.dead-letters:4
              processor kafka --topics inventory.movements:12 --port 9092
              echo 'errors Produce NotEnoughReplicas' | processor kafka --topics orders:4 --control

            Fault commands (--control):
            {string.Join(Environment.NewLine, KafkaControl.Help.Split('\n').Select(line => "  " + line.TrimEnd()))}

            Exit codes: 0 ended on request, 2 wrong usage, 3 could not start.
            """)
        {
            topics, brokers, port, delay, control, exitWithParent,
        };
        command.SetAction((parsed, token) => RunAsync(
            () => new KafkaListenerOptions
            {
                Topics = KafkaTopic.ParseList(parsed.GetValue(topics)!),
                Brokers = parsed.GetValue(brokers),
                BootstrapPort = parsed.GetValue(port),
                InitialRebalanceDelay = TimeSpan.FromMilliseconds(parsed.GetValue(delay)),
            },
            parsed.GetValue(control),
            parsed.GetValue(exitWithParent),
            token));
        return command;
    }

    private static async Task<int> RunAsync(Func<KafkaListenerOptions> options, bool control, bool exitWithParent, CancellationToken token)
    {
        try
        {
            using var listener = new KafkaListener(options());
            Console.Out.WriteLine(ReadyPrefix + listener.Bootstrap);
            // Standard input is read only when asked for: a background job that reads a terminal would be stopped.
            if (control || exitWithParent)
            {
                await Task.Run(() => ReadCommandsAsync(listener, control, token), token).WaitAsync(token).ConfigureAwait(false);
            }

            if (!exitWithParent)
            {
                await Task.Delay(Timeout.Infinite, token).ConfigureAwait(false);
            }

            return 0;
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            return 0;
        }
        catch (SetupException wrong)
        {
            Console.Error.WriteLine($"error: {wrong.Message}");
            return ExitCode.Unreachable;
        }
    }

    private static async Task ReadCommandsAsync(KafkaListener listener, bool control, CancellationToken token)
    {
        using var input = new StreamReader(Console.OpenStandardInput());
        while (await input.ReadLineAsync(token).ConfigureAwait(false) is { } line)
        {
            if (control && line.Length > 0)
            {
                Console.Out.WriteLine(KafkaControl.Execute(listener, line));
            }
        }
    }
}
