using System.Text;
using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>Brokers that go, leaders that move, requests that fail, and a log that loses its beginning.</summary>
[Collection(FaultsCollection.Name)]
public sealed class KafkaFaultTests(SharedClickHouse clickHouse)
{
    private const int Failed = 4, Events = 25_000, EventsPerSecond = 6000;

    [Fact]
    public async Task Leaders_that_move_and_brokers_that_go_and_come_back_lose_nothing()
    {
        const int Brokers = 3;
        await using var servers = await PipelineServers.StartAsync(clickHouse, brokers: Brokers);
        using var load = servers.Load(111, Events);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        // All is sent before: a producer that is cut off may write a record twice. Small fetches from slow brokers keep the load going.
        await load.SendMovementsAsync(count, default);
        await servers.Kafka.SetRoundTripTimeAsync(TimeSpan.FromMilliseconds(20));
        await using var processor = await servers.StartProcessorAsync(
            "--kafka.properties", "max.partition.fetch.bytes=8192", "--kafka.batch-records", "256");
        var step = Events / 9;
        for (var move = 0; move < 4; move++)
        {
            await processor.WaitForAppliedAsync((move + 1) * step);
            for (var partition = 0; partition < PipelineServers.Partitions; partition++)
            {
                await servers.Kafka.SetPartitionLeaderAsync(PipelineServers.Topic, partition, 1 + ((partition + move) % Brokers));
            }
        }

        for (var broker = 1; broker <= Brokers; broker++)
        {
            await processor.WaitForAppliedAsync((broker + 4) * step);
            await servers.Kafka.BrokerDownAsync(broker);
            await processor.WaitForLogAsync($":{servers.Kafka.Bootstrap.Split(',')[broker - 1].Split(':')[1]}/{broker}");
            await servers.Kafka.BrokerUpAsync(broker);
        }

        await servers.Kafka.SetRoundTripTimeAsync(TimeSpan.Zero);
        await processor.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(0, await processor.StopAsync());
        Assert.Equal(Progress.Ends(load), servers.Committed());
    }

    [Fact]
    public async Task Requests_that_fail_while_partitions_are_assigned_are_asked_again()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(112, Events, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        var sending = load.SendMovementsAsync(count, default);
        await servers.Kafka.FailNextAsync(KafkaApi.FindCoordinator, ErrorCode.GroupCoordinatorNotAvailable, ErrorCode.RequestTimedOut);
        await servers.Kafka.FailNextAsync(KafkaApi.JoinGroup, ErrorCode.GroupLoadInProgress, ErrorCode.NotCoordinatorForGroup);
        await servers.Kafka.FailNextAsync(KafkaApi.SyncGroup, ErrorCode.RebalanceInProgress);
        await servers.Kafka.FailNextAsync(KafkaApi.OffsetFetch,
            ErrorCode.GroupLoadInProgress, ErrorCode.NotCoordinatorForGroup, ErrorCode.GroupAuthorizationFailed, ErrorCode.Local_Transport);
        await servers.Kafka.FailNextAsync(KafkaApi.ListOffsets,
            ErrorCode.NotLeaderForPartition, ErrorCode.LeaderNotAvailable, ErrorCode.Local_Transport, ErrorCode.TopicAuthorizationFailed, ErrorCode.RequestTimedOut);
        await using var processor = await servers.StartProcessorAsync();
        await sending;
        await processor.WaitForEndAsync(load);
        Assert.Contains("Kafka: ", processor.Output, StringComparison.Ordinal);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        Assert.Equal(0, await processor.StopAsync());
        Assert.Equal(Progress.Ends(load), servers.Committed());
    }

    [Fact]
    public async Task Requests_that_fail_under_load_lose_nothing_and_a_member_that_is_thrown_out_comes_back()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(113, 40_000, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync();
        var sending = load.SendMovementsAsync(count, default);
        await processor.WaitForAppliedAsync(3000);
        await servers.Kafka.FailNextAsync(KafkaApi.Fetch,
            ErrorCode.NotLeaderForPartition, ErrorCode.RequestTimedOut, ErrorCode.Local_Transport, ErrorCode.LeaderNotAvailable, ErrorCode.UnknownTopicOrPart);
        await servers.Kafka.FailNextAsync(KafkaApi.OffsetCommit,
            ErrorCode.RequestTimedOut, ErrorCode.GroupLoadInProgress, ErrorCode.NotCoordinatorForGroup, ErrorCode.OffsetMetadataTooLarge, ErrorCode.Local_Transport);
        // The process is a member of two groups; either may get an answer.
        await servers.Kafka.FailNextAsync(KafkaApi.Heartbeat, ErrorCode.NotCoordinatorForGroup, ErrorCode.NotCoordinatorForGroup, ErrorCode.RebalanceInProgress,
            ErrorCode.RebalanceInProgress, ErrorCode.UnknownMemberId, ErrorCode.UnknownMemberId, ErrorCode.UnknownMemberId, ErrorCode.UnknownMemberId);
        await processor.WaitForLogAsync("lost its place");
        await servers.Kafka.FailNextAsync(KafkaApi.OffsetCommit, ErrorCode.IllegalGeneration);
        await sending;
        await processor.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(0, await processor.StopAsync());
        Assert.Equal(Progress.Ends(load), servers.Committed());
    }

    [Fact]
    public async Task Records_deleted_while_no_processor_ran_end_the_next_one_and_nothing_is_skipped()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(114, 4000);
        await load.SendReferenceAsync(default);
        await load.SendMovementsAsync(null, default);
        await using (var first = await servers.StartProcessorAsync())
        {
            await first.WaitForEndAsync(load);
            Assert.Equal(0, await first.StopAsync());
        }

        var committed = servers.Committed();
        Assert.Equal(Progress.Ends(load), committed);
        await FillBeyondRetentionAsync(servers);
        await using var second = await servers.StartProcessorAsync();
        Assert.Equal(Failed, await second.WaitForExitAsync());
        CheckLastLine(second, "Nothing was skipped");
        Assert.Matches(@"records from offset \d+ on are needed, but the log begins at \d+", second.Output);
        Assert.Equal(committed, servers.Committed());
        Assert.Equal(committed, await servers.NextOffsetsAsync());
    }

    [Fact]
    public async Task Records_deleted_before_a_running_processor_read_them_end_it_and_nothing_is_skipped()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(115, 20_000);
        await load.SendReferenceAsync(default);
        await using var processor = await servers.StartProcessorAsync(
            "--kafka.batch-records", "64", "--positions.timeout-milliseconds", "300");
        await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions);
        servers.Redis.Suspend();
        await load.SendMovementsAsync(null, default);
        await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.Paused));
        await FillBeyondRetentionAsync(servers);
        servers.Redis.Continue();

        Assert.Equal(Failed, await processor.WaitForExitAsync());
        CheckLastLine(processor, "Nothing was skipped");
        Assert.Contains("records were deleted before they were read", processor.Output, StringComparison.Ordinal);
        var next = await servers.NextOffsetsAsync();
        var committed = servers.Committed();
        var ends = Progress.Ends(load);
        Assert.All(Enumerable.Range(0, PipelineServers.Partitions), p =>
        {
            // The log now begins behind the load: to go on there is to skip what is gone.
            Assert.True(next[p] <= ends[p], $"partition {p}: the records before {ends[p]} are gone, the positions stand at {next[p]}");
            Assert.True(committed[p] <= next[p], $"partition {p}: committed {committed[p]}, positions at {next[p]}");
        });
    }

    private static void CheckLastLine(ProcessorProcess processor, string text)
    {
        var line = Assert.Single(processor.Output.Split('\n'), line => line.StartsWith("processor run: ", StringComparison.Ordinal));
        Assert.Contains(text, line, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", processor.Output, StringComparison.Ordinal);
    }

    // The listener keeps 5 MiB a partition: with 8 MiB more of them every record from before is gone.
    private static async Task FillBeyondRetentionAsync(PipelineServers servers)
    {
        const int RecordBytes = 64 * 1024, Records = 128;
        using var producer = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = servers.Kafka.Bootstrap }).Build();
        var value = new byte[RecordBytes];
        var sent = new List<Task>();
        for (var partition = 0; partition < PipelineServers.Partitions; partition++)
        {
            for (var record = 0; record < Records; record++)
            {
                sent.Add(producer.ProduceAsync(new TopicPartition(PipelineServers.Topic, partition),
                    new Message<byte[], byte[]> { Key = Encoding.ASCII.GetBytes("filler"), Value = value }));
            }
        }

        await Task.WhenAll(sent);
    }
}
