using System.Text;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;

using Xunit;

namespace Stockflow.IntegrationTests.ClickHouse;

/// <summary>The client against a real server's HTTP interface.</summary>
public sealed class DebianServerTests
{
    private const string Password = "s3cret & <more>";

    [DebianClickHouseFact]
    public async Task Tables_inserts_queries_compression_and_errors_work_against_a_real_server()
    {
        await using var server = await DebianClickHouse.StartAsync(System.Security.SecurityElement.Escape(Password));
        foreach (var gzip in new[] { false, true })
        {
            using var client = server.Client(options => options with { Password = Password, Gzip = gzip, Database = $"base_{gzip}" });
            await client.EnsureDatabaseAsync();
            await client.ExecuteAsync("CREATE TABLE t (id Int64, s String, low String, f Float64, n Nullable(Int64), a Array(String)) ENGINE = MergeTree ORDER BY id");
            var block = new NativeBlockWriter();
            var id = block.Int64("id");
            var text = block.String("s");
            var low = block.String("low");
            var real = block.Float64("f");
            var nullable = block.NullableInt64("n");
            var list = block.StringArray("a");
            for (var i = 0; i < 50_000; i++)
            {
                id.Append(i);
                text.Append($"row\t'{i}'");
                low.Append("é"u8);
                real.Append(i / 2.0);
                nullable.AppendNull();
                list.Append("x"u8);
                list.EndRow();
            }

            await client.InsertAsync("t", block.ColumnNames, "Native", block.Build());
            await client.InsertAsync("t", ["id", "s"], "JSONEachRow", [Encoding.UTF8.GetBytes("{\"id\":50000,\"s\":\"last\"}\n")]);

            Assert.Equal(50_001, await client.QueryScalarAsync<long>("SELECT count() FROM t"));
            var expected = 0L;
            await foreach (var row in client.QueryAsync("SELECT id, s, f, n, a FROM t WHERE id < 50000 ORDER BY id"))
            {
                Assert.Equal((expected, $"row\t'{expected}'", expected / 2.0, null), (row.Get<long>("id"), row.Get<string>("s"), row.Get<double>("f"), row.Get<long?>("n")));
                expected++;
            }

            Assert.Equal(50_000, expected);
            var unknown = await Assert.ThrowsAsync<ClickHouseException>(() => client.ExecuteAsync("SELECT * FROM nowhere"));
            Assert.Equal((60, false), (unknown.Code, unknown.IsTransient));
            Assert.Equal(62, (await Assert.ThrowsAsync<ClickHouseException>(() => client.ExecuteAsync("SELEC 1"))).Code);
            var broken = await Assert.ThrowsAsync<ClickHouseException>(() => client.InsertAsync("t", ["id"], "JSONEachRow", ["{\"id\":\"x\"}"u8.ToArray()]));
            Assert.False(broken.IsTransient);
            Assert.NotEqual(0, broken.Code);
        }
    }

    [DebianClickHouseFact]
    public async Task A_wrong_password_is_a_permanent_error_that_does_not_show_it()
    {
        await using var server = await DebianClickHouse.StartAsync("right");
        using var client = server.Client(options => options with { Password = "wrong-guess" });

        var failure = await Assert.ThrowsAsync<ClickHouseException>(() => client.ExecuteAsync("SELECT 1"));

        Assert.Equal((193, false), (failure.Code, failure.IsTransient));
        Assert.DoesNotContain("wrong-guess", failure.ToString(), StringComparison.Ordinal);
    }
}
