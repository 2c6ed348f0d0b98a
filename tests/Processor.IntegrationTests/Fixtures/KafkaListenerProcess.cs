using Confluent.Kafka;
using Stockflow.Commands;
using Stockflow.Embedded;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>The embedded Kafka listener, run as 'processor kafka' in a process of its own.</summary>
public sealed class KafkaListenerProcess : IAsyncDisposable
{
    private readonly SemaphoreSlim oneCommand = new(1);

    private KafkaListenerProcess(ServerProcess process, string bootstrap)
    {
        Process = process;
        Bootstrap = bootstrap;
    }

    /// <summary>What a client's <c>bootstrap.servers</c> takes.</summary>
    public string Bootstrap { get; }

    /// <summary>The process itself.</summary>
    public ServerProcess Process { get; }

    /// <summary>Starts it and waits until clients can connect. Topics are <c>name:partitions,...</c>.</summary>
    public static async Task<KafkaListenerProcess> StartAsync(string topics, int brokers = 1, params string[] options)
    {
        string[] arguments = ["kafka", "--topics", topics, "--brokers", $"{brokers}", "--control", "--exit-with-parent", .. options];
        var process = ServerProcess.Start(ServerProcess.Processor, arguments);
        try
        {
            var ready = await process.WaitForLineAsync(KafkaCommand.ReadyPrefix);
            return new KafkaListenerProcess(process, ready[KafkaCommand.ReadyPrefix.Length..]);
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Creates a topic.</summary>
    public Task CreateTopicAsync(string topic, int partitions) => CommandAsync($"topic {topic}:{partitions}");

    /// <summary>Takes a broker down, or all of them: clients are cut off and can not connect.</summary>
    public Task BrokerDownAsync(int? broker = null) => CommandAsync($"down {Name(broker)}");

    /// <summary>Lets a broker, or all of them, accept connections again on the same port.</summary>
    public Task BrokerUpAsync(int? broker = null) => CommandAsync($"up {Name(broker)}");

    /// <summary>Delays every answer of a broker, or of all.</summary>
    public Task SetRoundTripTimeAsync(TimeSpan delay, int? broker = null) => CommandAsync($"rtt {Name(broker)} {(int)delay.TotalMilliseconds}");

    /// <summary>Moves a partition's leadership; broker -1 leaves it without a leader.</summary>
    public Task SetPartitionLeaderAsync(string topic, int partition, int broker) => CommandAsync($"leader {topic} {partition} {broker}");

    /// <summary>Answers the next requests of one type with these errors, one each.</summary>
    public Task FailNextAsync(KafkaApi api, params ErrorCode[] errors) => CommandAsync($"errors {api} {string.Join(' ', errors)}");

    /// <summary>Forgets the errors that <see cref="FailNextAsync"/> left.</summary>
    public Task ClearFailuresAsync(KafkaApi api) => CommandAsync($"clear {api}");

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        oneCommand.Dispose();
        return Process.DisposeAsync();
    }

    private static string Name(int? broker) => broker is { } id ? $"{id}" : "all";

    private async Task CommandAsync(string command)
    {
        await oneCommand.WaitAsync();
        try
        {
            await Process.WriteLineAsync(command);
            var answer = await Process.WaitForLineAsync("");
            if (answer != "ok")
            {
                throw new InvalidOperationException($"'{command}': {answer}");
            }
        }
        finally
        {
            oneCommand.Release();
        }
    }
}
