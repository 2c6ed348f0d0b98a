using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Stockflow.Commands;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.ClickHouse;

/// <summary>The embedded server as curl sees it.</summary>
public sealed class EmbeddedServerTests
{
    [Fact]
    public async Task It_answers_as_clickhouse_does()
    {
        await using var server = await EmbeddedClickHouse.StartAsync();
        using var http = new HttpClient { BaseAddress = server.Url };

        Assert.Equal("Ok.\n", await http.GetStringAsync("/ping"));
        Assert.Equal("Ok.\n", await http.GetStringAsync("/"));
        await PostAsync(http, "", "CREATE TABLE t (a Int64, b String) ENGINE = MergeTree ORDER BY a");
        await PostAsync(http, "", "INSERT INTO t VALUES (1, 'a;'), (2, 'b');");
        await PostAsync(http, "?query=INSERT+INTO+t+FORMAT+JSONEachRow", "{\"a\":3,\"b\":\"c\"}");
        await PostAsync(http, "", [.. "INSERT INTO t FORMAT RowBinary\n"u8, 4, 0, 0, 0, 0, 0, 0, 0, 2, (byte)';', 0]);
        await PostAsync(http, "?default_format=CSV&query=INSERT+INTO+t+(a,b)", "5,e");

        Assert.Equal("1,\"a;\"\n2,\"b\"\n3,\"c\"\n4,\";\0\"\n5,\"e\"\n", await http.GetStringAsync("/?query=SELECT+*+FROM+t+ORDER+BY+a+FORMAT+CSV"));
        Assert.Equal("[\"3\"]", (await http.GetStringAsync("/?default_format=JSONCompactEachRow&output_format_json_quote_64bit_integers=1&param_x=3&query=SELECT+a+FROM+t+WHERE+a={x:Int64}")).Trim());
        await PostAsync(http, "", "CREATE DATABASE other");
        Assert.Equal("other\n", await http.GetStringAsync("/?database=other&query=SELECT+currentDatabase()"));
        using var answer = await http.PostAsync("/?query_id=mine", new StringContent("SELECT count() FROM t"));
        Assert.Equal("mine", answer.Headers.GetValues("X-ClickHouse-Query-Id").Single());
        Assert.Contains("\"result_rows\":\"1\"", answer.Headers.GetValues("X-ClickHouse-Summary").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_is_asked_for_in_every_form_of_the_protocol()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "s3cret\n");
        await using var server = await EmbeddedClickHouse.StartAsync("--user", "writer", "--password-file", file);
        File.Delete(file);
        using var http = new HttpClient { BaseAddress = server.Url };

        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync("/?query=SELECT+1")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync("/?query=SELECT+1&user=writer&password=wrong")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync("/?query=SELECT+1&user=other&password=s3cret")).StatusCode);
        Assert.Equal("1\n", await http.GetStringAsync("/?query=SELECT+1&user=writer&password=s3cret"));
        Assert.Equal("Ok.\n", await http.GetStringAsync("/ping"));
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String("writer:s3cret"u8));
        Assert.Equal("1\n", await http.GetStringAsync("/?query=SELECT+1"));
        using var right = server.Client(options => options with { User = "writer", Password = "s3cret", Database = "default" });
        Assert.Equal(1, await right.QueryScalarAsync<int>("SELECT 1"));
        using var wrong = server.Client(options => options with { User = "writer", Password = "guess", Database = "default" });
        Assert.Equal(516, (await Assert.ThrowsAsync<ClickHouseException>(() => wrong.ExecuteAsync("SELECT 1"))).Code);
    }

    [Fact]
    public async Task Inserts_do_not_wait_for_long_queries()
    {
        await using var server = await EmbeddedClickHouse.StartAsync();
        using var http = new HttpClient { BaseAddress = server.Url, Timeout = TimeSpan.FromMinutes(2) };
        using var client = server.Client(options => options with { Database = "default" });
        await client.ExecuteAsync("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a");
        using var stop = new CancellationTokenSource();
        // As many endless queries as run at once.
        var queries = Enumerable.Range(0, 16).Select(_ => http.PostAsync("/?max_threads=1&max_execution_time=1000", new StringContent("SELECT max(sipHash64(number)) FROM system.numbers"), stop.Token)).ToArray();

        for (var i = 0; i < 20; i++)
        {
            await client.InsertAsync("t", ["a"], "CSV", [Encoding.ASCII.GetBytes($"{i}\n")]);
        }

        Assert.All(queries, query => Assert.False(query.IsCompleted));
        await stop.CancelAsync();
        await Task.WhenAll(queries.Select(query => Assert.ThrowsAnyAsync<OperationCanceledException>(() => query)));
        // The queries of clients that have gone are stopped, else this would find no place.
        Assert.Equal(20, await client.QueryScalarAsync<int>("SELECT count() FROM t"));
    }

    [Fact]
    public async Task Sigterm_finishes_the_request_in_flight_and_exits_with_0()
    {
        await using var server = await EmbeddedClickHouse.StartAsync();
        using var client = server.Client(options => options with { Database = "default", MaxRetries = 0 });
        var query = client.QueryScalarAsync<int>("SELECT sum(sleepEachRow(1)) + 7 FROM numbers(4) SETTINGS max_block_size = 1");
        while (await client.QueryScalarAsync<int>("SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'") == 0)
        {
            Assert.False(query.IsCompleted, "the query ended before it could be seen");
        }

        server.Process.Terminate();

        Assert.Equal(7, await query);
        Assert.Equal(0, await server.Process.WaitForExitAsync());
    }

    [Fact]
    public async Task A_folder_in_use_a_port_in_use_and_an_open_door_are_refused_in_one_line()
    {
        await using var server = await EmbeddedClickHouse.StartAsync();
        var free = Directory.CreateTempSubdirectory("stockflow-");

        await AssertRefusedAsync("another process uses the folder", "--path", server.Folder, "--port", "0");
        await AssertRefusedAsync("cannot listen on", "--path", free.FullName, "--port", $"{server.Url.Port}");
        await AssertRefusedAsync("set a password", "--path", free.FullName, "--port", "0", "--host", "0.0.0.0");
        free.Delete(recursive: true);
    }

    [Fact]
    public async Task Beside_others_it_has_a_session_of_its_own_and_gives_way()
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-");
        await using (var process = ServerProcess.Start(ServerProcess.Processor, ["clickhouse", "--path", folder.FullName, "--port", "0"],
            new Dictionary<string, string> { [ParentWatch.Variable] = "1" }))
        {
            await process.WaitForLineAsync(ClickHouseCommand.ReadyPrefix);

            // proc_pid_stat(5): the sixth field, after the name in brackets.
            Assert.Equal($"{process.Id}", (await File.ReadAllTextAsync($"/proc/{process.Id}/stat")).Split(") ")[^1].Split(' ')[3]);
            if (File.Exists($"/proc/{process.Id}/autogroup"))
            {
                Assert.EndsWith("nice 10\n", await File.ReadAllTextAsync($"/proc/{process.Id}/autogroup"), StringComparison.Ordinal);
            }

            process.CloseInput();
            Assert.Equal(0, await process.WaitForExitAsync());
        }

        folder.Delete(recursive: true);
    }

    private static async Task AssertRefusedAsync(string text, params string[] options)
    {
        await using var process = ServerProcess.Start(ServerProcess.Processor, ["clickhouse", .. options]);
        Assert.Equal(3, await process.WaitForExitAsync());
        Assert.Contains(text, process.Output, StringComparison.Ordinal);
    }

    private static Task PostAsync(HttpClient http, string parameters, string body) => PostAsync(http, parameters, Encoding.UTF8.GetBytes(body));

    private static async Task PostAsync(HttpClient http, string parameters, byte[] body)
    {
        using var answer = await http.PostAsync("/" + parameters, new ByteArrayContent(body));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }
}
