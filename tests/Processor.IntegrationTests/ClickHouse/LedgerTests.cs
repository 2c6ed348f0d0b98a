using System.Text.Json;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Xunit;

namespace Stockflow.IntegrationTests.ClickHouse;

/// <summary>The tables of schemas/clickhouse, and what a crash or a retry does to them.</summary>
public sealed class LedgerTests
{
    private const long Recorded = 1_780_000_000_000;

    [Fact]
    public async Task Rows_written_again_in_any_grouping_change_nothing_that_the_view_shows()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var block = new LedgerBlock();
        for (var row = 0; row < 1_000; row++)
        {
            block.Add(row, Recorded);
        }

        await block.InsertAsync(client);
        var before = await ReadAsync(client);
        var random = new Random(20_260_301);
        foreach (var group in Enumerable.Range(0, 1_000).OrderBy(_ => random.Next()).Chunk(37))
        {
            foreach (var row in group)
            {
                block.Add(row, Recorded + random.Next(1, 100_000));
            }

            await block.InsertAsync(client);
        }

        Assert.Equal(1_000, before.Count);
        Assert.Equal(before, await ReadAsync(client));
        // The duplicates are there, so the view and not luck has hidden them; and merging changes nothing either.
        Assert.True(await client.QueryScalarAsync<long>("SELECT count() FROM ledger") > 1_000);
        await client.ExecuteAsync("OPTIMIZE TABLE ledger FINAL");
        Assert.Equal(1_000, await client.QueryScalarAsync<long>("SELECT count() FROM ledger"));
        Assert.Equal(before, await ReadAsync(client));
    }

    [Fact]
    public async Task Raw_events_written_again_are_shown_once()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var block = new NativeBlockWriter();
        var topic = block.String("topic");
        var partition = block.Int32("partition");
        var offset = block.Int64("offset");
        var broker = block.DateTime64("broker_ts");
        var recorded = block.DateTime64("recorded_at");
        var value = block.String("value");
        var headers = block.PairArray("headers");
        var verdict = block.Int8("verdict");
        foreach (var attempt in new[] { 0, 1 })
        {
            block.Clear();
            for (var i = 0; i < 100; i++)
            {
                topic.Append("inventory.movements");
                partition.Append(i % 2);
                offset.Append(i);
                broker.Append(Recorded);
                // A retry may cross into another month.
                recorded.Append(Recorded + (attempt * 40L * 86_400_000));
                value.Append([0, 0, 0, 0, 1, (byte)i]);
                headers.Append("h"u8, "1"u8);
                headers.EndRow();
                verdict.Append((sbyte)Verdict.Duplicate);
            }

            await client.InsertAsync("raw_events", block.ColumnNames, "Native", block.Build());
        }

        Assert.Equal(100, await client.QueryScalarAsync<long>("SELECT count() FROM raw_events_current WHERE verdict = 'duplicate'"));
        Assert.Equal("000000000163", await client.QueryScalarAsync<string>("SELECT lower(hex(value)) FROM raw_events_current WHERE offset = 99"));
    }

    [Fact]
    public async Task Every_acknowledged_insert_survives_sigkill()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        using var impatient = server.Client(options => options with { MaxRetries = 0 });
        var acknowledged = new System.Collections.Concurrent.ConcurrentBag<int>();
        var enough = new TaskCompletionSource();
        var writers = Enumerable.Range(0, 3).Select(writer => Task.Run(async () =>
        {
            var block = new LedgerBlock();
            for (var row = writer; ; row += 3)
            {
                try
                {
                    await block.Add(row, Recorded).InsertAsync(impatient);
                }
                catch (ClickHouseException gone) when (gone.Code == 0)
                {
                    return;
                }

                acknowledged.Add(row);
                if (acknowledged.Count > 60)
                {
                    enough.TrySetResult();
                }
            }
        })).ToArray();
        await enough.Task;
        server.Kill();
        await Task.WhenAll(writers);

        await server.RestartAsync();

        var rows = new HashSet<int>();
        await foreach (var row in client.QueryAsync("SELECT offset FROM ledger_current"))
        {
            Assert.True(rows.Add(row.Get<int>(0)));
        }

        Assert.Empty(acknowledged.Except(rows));
        var more = new LedgerBlock();
        await more.Add(1_000_000, Recorded).InsertAsync(client);
        Assert.Equal(rows.Count + 1, await client.QueryScalarAsync<int>("SELECT count() FROM ledger_current"));
    }

    [Fact]
    public async Task Migrations_apply_once_and_refuse_changed_and_unknown_files()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        using var folder = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(Migrations.DefaultFolder))
        {
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        }

        var migrations = new Migrations(client, folder.Path);
        Assert.Empty(await migrations.ApplyAsync());
        var next = $"{Migrations.Read(folder.Path).Count + 1:000}_more.sql";
        await File.WriteAllTextAsync(Path.Combine(folder.Path, next), "CREATE TABLE IF NOT EXISTS more (a Int8) ENGINE = Memory; -- one\nINSERT INTO more SELECT 7;");
        Assert.Equal([next], await migrations.ApplyAsync());
        Assert.Equal(7, await client.QueryScalarAsync<int>("SELECT a FROM more"));

        var former = Migrations.Read(folder.Path)[^1].Checksum;
        File.AppendAllText(Path.Combine(folder.Path, next), $"\n-- formerly {former}\n");
        Assert.Empty(await migrations.ApplyAsync());

        await File.WriteAllTextAsync(Path.Combine(folder.Path, next), "SELECT 1;");
        var changed = await Assert.ThrowsAsync<SetupException>(() => migrations.ApplyAsync());
        Assert.Contains(next, changed.Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(folder.Path, next));
        var unknown = await Assert.ThrowsAsync<SetupException>(() => migrations.ApplyAsync());
        Assert.Contains("newer", unknown.Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "009_gap.sql"), "SELECT 1");
        Assert.Throws<SetupException>(() => Migrations.Read(folder.Path));
    }

    private static async Task<List<string>> ReadAsync(ClickHouseClient client)
    {
        var rows = new List<string>();
        await foreach (var row in client.QueryAsync("SELECT * FROM ledger_current ORDER BY offset"))
        {
            rows.Add(JsonSerializer.Serialize(row.Values));
        }

        return rows;
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("stockflow-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
