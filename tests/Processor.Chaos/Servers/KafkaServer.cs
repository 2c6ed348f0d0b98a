namespace Stockflow.Chaos.Servers;

/// <summary>The Kafka listener with several brokers, in a process of its own.</summary>
internal sealed class KafkaServer : IDisposable
{
    public const string Movements = "inventory.movements", DeadLetters = "inventory.dead-letters", Skus = "reference.sku", Locations = "reference.location";
    public const int Brokers = 3, DeadLetterPartitions = 4;
    private const string Ready = "listening on ";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly ServerProcess process;
    private readonly SemaphoreSlim one = new(1);

    private KafkaServer(ServerProcess process, string bootstrap, int partitions)
    {
        this.process = process;
        Bootstrap = bootstrap;
        Partitions = partitions;
    }

    public string Bootstrap { get; }

    public int Partitions { get; }

    /// <summary>Why nothing can be said about this run, or null: the listener keeps the log in memory.</summary>
    public string? Death => process.IsRunning ? null : $"the Kafka listener has ended with exit code {process.ExitCode}";

    public static async Task<KafkaServer> StartAsync(string processor, string folder, int partitions)
    {
        var topics = $"{Movements}:{partitions},{DeadLetters}:{DeadLetterPartitions},{Skus}:2,{Locations}:1";
        var process = ServerProcess.Start(Path.Combine(folder, "kafka.log"), processor,
            ["kafka", "--topics", topics, "--brokers", $"{Brokers}", "--control", "--exit-with-parent"]);
        var line = await process.WaitForLineAsync(Ready, Patience);
        return new KafkaServer(process, line[(line.IndexOf(Ready, StringComparison.Ordinal) + Ready.Length)..].Trim(), partitions);
    }

    /// <summary>One line of the listener's control language; see 'processor kafka --help'.</summary>
    public async Task CommandAsync(string command)
    {
        await one.WaitAsync();
        try
        {
            if (Death is { } death)
            {
                throw new InvalidOperationException($"{death} before '{command}'");
            }

            process.WriteLine(command);
            var answer = await process.WaitForLineAsync("", Patience);
            if (answer != "ok")
            {
                throw new InvalidOperationException($"Kafka listener, '{command}': {answer}");
            }
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose()
    {
        process.Dispose();
        one.Dispose();
    }
}
