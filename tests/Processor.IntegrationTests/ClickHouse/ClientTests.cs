using System.Text;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.ClickHouse;

/// <summary>The client against the embedded server.</summary>
public sealed class ClientTests : IClassFixture<ClientTests.Server>
{
    private readonly EmbeddedClickHouse server;
    private readonly ClickHouseClient client;

    public ClientTests(Server server)
    {
        this.server = server.ClickHouse;
        client = server.Client;
    }

    [Fact]
    public async Task Parameters_arrive_as_they_were_given()
    {
        const string Awkward = "it's \\N a\ttab\nline\r\0 'quote' {x:String} é";
        var row = await SingleAsync(client, "SELECT {text:String} AS t, {number:Int64} AS n, {time:DateTime64(3, 'UTC')} AS d, {list:Array(String)} AS l, {none:Nullable(String)} AS o", new()
        {
            ["text"] = Awkward,
            ["number"] = long.MinValue,
            ["time"] = new DateTimeOffset(2026, 3, 1, 1, 2, 3, 456, TimeSpan.Zero),
            ["list"] = new[] { Awkward, "b" },
            ["none"] = null,
        });

        Assert.Equal(Awkward, row.Get<string>("t"));
        Assert.Equal(long.MinValue, row.Get<long>("n"));
        Assert.Equal(new DateTime(2026, 3, 1, 1, 2, 3, 456, DateTimeKind.Utc), row.Get<DateTime>("d"));
        Assert.Equal([Awkward, "b"], row["l"].EnumerateArray().Select(item => item.GetString()!));
        Assert.Null(row.Get<string>("o"));
        Assert.Equal(new ClickHouseColumn("n", "Int64"), row.Columns[1]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(70_000)]
    [InlineData(400_000)]
    public async Task Rows_arrive_complete_in_order_and_without_repeated_headers(int count)
    {
        var expected = 0L;
        await foreach (var row in client.QueryAsync("SELECT number AS n, toString(number) AS s FROM numbers({count:UInt64}) ORDER BY number", new Dictionary<string, object?> { ["count"] = count }))
        {
            Assert.Equal(expected, row.Get<long>(0));
            Assert.Equal($"{expected}", row.Get<string>(1));
            expected++;
        }

        Assert.Equal(count, expected);
    }

    [Fact]
    public async Task An_error_keeps_code_name_and_text()
    {
        var failure = await Assert.ThrowsAsync<ClickHouseException>(() => client.QueryScalarAsync<long>("SELECT * FROM no_such_table"));

        Assert.Equal((60, "UNKNOWN_TABLE", false), (failure.Code, failure.Name, failure.IsTransient));
        Assert.Contains("no_such_table", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_after_rows_have_been_sent_is_thrown()
    {
        var rows = 0;
        var failure = await Assert.ThrowsAsync<ClickHouseException>(async () =>
        {
            await foreach (var row in client.QueryAsync("SELECT throwIf(number = 900000) AS n, toString(number) AS s FROM numbers(1000000) SETTINGS max_threads = 1"))
            {
                rows++;
            }
        });

        Assert.Equal(395, failure.Code);
        Assert.InRange(rows, 1, 900_000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_block_of_every_type_is_read_back_as_it_was_written(bool gzip)
    {
        using var own = server.Client(options => options with { Gzip = gzip });
        await own.ExecuteAsync($"""
            CREATE OR REPLACE TABLE types_{gzip}
            (
                id Int64, u8 UInt8, i32 Int32, f Float64, t DateTime64(3, 'UTC'), s String, low LowCardinality(String), few LowCardinality(String), n Nullable(Int64),
                price Nullable(Decimal(18, 4)), m Map(String, String), h Array(Tuple(name String, value String)), a Array(String),
                verdict Enum8('pending' = 0, 'accepted' = 1, 'duplicate' = 2), nt Nullable(DateTime64(3, 'UTC'))
            )
            ENGINE = MergeTree ORDER BY id
            """);
        var block = new NativeBlockWriter();
        block.Int64("id").Append(1);
        block.UInt8("u8").Append(255);
        block.Int32("i32").Append(-5);
        block.Float64("f").Append(1.25);
        block.DateTime64("t").Append(1_700_000_000_123);
        block.String("s").Append("a\0b'\n"u8);
        block.String("low").Append("low");
        block.Dictionary("few").Append("few"u8.ToArray());
        block.NullableInt64("n").AppendNull();
        block.NullableDecimal64("price", 4).Append(-12345);
        var map = block.Map("m");
        map.Append("k"u8, "v"u8);
        map.EndRow();
        var headers = block.PairArray("h");
        headers.Append("same"u8, "1"u8);
        headers.Append("same"u8, "2"u8);
        headers.EndRow();
        block.StringArray("a").EndRow();
        block.Int8("verdict").Append(2);
        block.NullableDateTime64("nt").AppendNull();

        var summary = await own.InsertAsync($"types_{gzip}", block.ColumnNames, "Native", block.Build());

        Assert.Equal(1, summary.WrittenRows);
        var row = await SingleAsync(own, $"SELECT * FROM types_{gzip}", []);
        Assert.Equal(
            """[1,255,-5,1.25,"2023-11-14 22:13:20.123","a\u0000b'\n","low","few",null,-1.2345,{"k":"v"},[{"name":"same","value":"1"},{"name":"same","value":"2"}],[],"duplicate",null]""",
            Compact(row.Values));
    }

    [Theory]
    [InlineData("JSONEachRow", "{\"id\":1,\"s\":\"a\"}\n{\"id\":2,\"s\":\"b;\"}\n")]
    [InlineData("CSV", "1,a\n2,b;\n")]
    [InlineData("Values", "(1,'a'),(2,'b;')")]
    [InlineData("TabSeparated", "1\ta\n2\tb;\n")]
    public async Task Every_input_format_can_be_streamed(string format, string data)
    {
        await client.ExecuteAsync($"CREATE OR REPLACE TABLE input_{format} (id Int64, s String) ENGINE = MergeTree ORDER BY id");

        await client.InsertAsync($"input_{format}", ["id", "s"], format, async (stream, token) =>
        {
            foreach (var piece in Encoding.UTF8.GetBytes(data).Chunk(3))
            {
                await stream.WriteAsync(piece, token);
            }
        });

        Assert.Equal("1a,2b;", await client.QueryScalarAsync<string>($"SELECT arrayStringConcat(groupArray(concat(toString(id), s)), ',') FROM (SELECT * FROM input_{format} ORDER BY id)"));
    }

    [Fact]
    public async Task Data_that_do_not_parse_are_refused_with_the_server_s_text_and_leave_nothing()
    {
        await client.ExecuteAsync("CREATE OR REPLACE TABLE broken (id Int64) ENGINE = MergeTree ORDER BY id");

        var failure = await Assert.ThrowsAsync<ClickHouseException>(
            () => client.InsertAsync("broken", ["id"], "JSONEachRow", [Encoding.UTF8.GetBytes("{\"id\":1}\n{\"id\":\"x\"}\n")]));

        Assert.False(failure.IsTransient);
        Assert.Contains("DB::Exception", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, await client.QueryScalarAsync<long>("SELECT count() FROM broken"));
    }

    [Fact]
    public async Task An_insert_larger_than_any_buffer_arrives_whole()
    {
        await client.ExecuteAsync("CREATE OR REPLACE TABLE large (id Int64, s String) ENGINE = MergeTree ORDER BY id");
        var block = new NativeBlockWriter();
        var id = block.Int64("id");
        var text = block.String("s");
        for (var i = 0; i < 500_000; i++)
        {
            id.Append(i);
            text.Append("a text of some length that is the same in every row");
        }

        var summary = await client.InsertAsync("large", block.ColumnNames, "Native", block.Build());

        Assert.Equal(500_000, summary.WrittenRows);
        Assert.Equal(124_999_750_000, await client.QueryScalarAsync<long>("SELECT sum(id) FROM large"));
    }

    private static async Task<ClickHouseRow> SingleAsync(ClickHouseClient client, string sql, Dictionary<string, object?> parameters)
    {
        var rows = new List<ClickHouseRow>();
        await foreach (var row in client.QueryAsync(sql, parameters))
        {
            rows.Add(row);
        }

        return Assert.Single(rows);
    }

    private static string Compact(System.Text.Json.JsonElement value) => value.GetRawText().Replace(", ", ",", StringComparison.Ordinal).Replace("\": ", "\":", StringComparison.Ordinal);

    public sealed class Server : IAsyncLifetime
    {
        public EmbeddedClickHouse ClickHouse { get; private set; } = null!;

        public ClickHouseClient Client { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            ClickHouse = await EmbeddedClickHouse.StartAsync();
            Client = ClickHouse.Client();
            await Client.EnsureDatabaseAsync();
        }

        public async Task DisposeAsync()
        {
            Client?.Dispose();
            if (ClickHouse is not null)
            {
                await ClickHouse.DisposeAsync();
            }
        }
    }
}
