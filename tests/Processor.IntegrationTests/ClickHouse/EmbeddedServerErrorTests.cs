using Xunit;

namespace Stockflow.IntegrationTests.ClickHouse;

/// <summary>What the embedded server refuses, and how.</summary>
public sealed class EmbeddedServerErrorTests(ClientTests.Server server) : IClassFixture<ClientTests.Server>
{
    [Theory]
    [InlineData("", "SELEC 1", 400, 62)]
    [InlineData("", "", 400, 62)]
    [InlineData("", "SELECT 1; SELECT 2", 400, 62)]
    [InlineData("", "SELECT * FROM nowhere", 404, 60)]
    [InlineData("?database=nowhere", "SELECT 1", 404, 81)]
    [InlineData("", "SELECT 1 FORMAT Nothing1", 404, 73)]
    [InlineData("?no_such_setting=1", "SELECT 1", 404, 115)]
    [InlineData("?max_threads=many", "SELECT 1", 400, 36)]
    [InlineData("?session_id=1", "SELECT 1", 501, 48)]
    [InlineData("?decompress=1", "SELECT 1", 501, 48)]
    [InlineData("", "SELECT * FROM file('/etc/passwd')", 501, 48)]
    [InlineData("", "SELECT {x:Int64}", 400, 456)]
    [InlineData("?param_x=y", "SELECT {x:Int64}", 400, 457)]
    [InlineData("", "SELECT throwIf(1)", 500, 395)]
    [InlineData("?max_execution_time=1", "SELECT max(sipHash64(number)) FROM numbers(100000000000)", 500, 159)]
    public async Task Errors_have_clickhouse_s_code_status_and_text(string parameters, string query, int status, int code)
    {
        using var http = new HttpClient { BaseAddress = server.ClickHouse.Url };

        using var answer = await http.PostAsync("/" + parameters, new StringContent(query));

        Assert.Equal((status, $"{code}"), ((int)answer.StatusCode, answer.Headers.GetValues("X-ClickHouse-Exception-Code").Single()));
        Assert.StartsWith($"Code: {code}. DB::Exception: ", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("1\n", await http.GetStringAsync("/?query=SELECT+1"));
    }

    [Theory]
    [InlineData("CREATE TABLE x (a Int8) ENGINE = Memory")]
    [InlineData("INSERT INTO t VALUES (1)")]
    [InlineData("DROP TABLE t")]
    public async Task Get_changes_nothing(string query)
    {
        using var http = new HttpClient { BaseAddress = server.ClickHouse.Url };
        using var created = await http.PostAsync("/", new StringContent("CREATE TABLE IF NOT EXISTS t (a Int64) ENGINE = MergeTree ORDER BY a"));
        Assert.True(created.IsSuccessStatusCode);

        using var answer = await http.GetAsync("/?query=" + Uri.EscapeDataString(query));

        Assert.Equal("164", answer.Headers.GetValues("X-ClickHouse-Exception-Code").Single());
    }
}
