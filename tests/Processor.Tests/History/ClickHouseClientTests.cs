using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Stockflow.History;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.History;

public sealed class ClickHouseClientTests
{
    private static readonly ReadOnlyMemory<byte>[] Data = ["abc"u8.ToArray(), "def"u8.ToArray()];

    [Fact]
    public async Task A_transient_fault_is_retried_with_the_same_body_and_growing_waits()
    {
        var time = new EagerTime();
        var server = new Answers(
            _ => throw new HttpRequestException("refused", new SocketException((int)SocketError.ConnectionRefused)),
            _ => Answer(HttpStatusCode.InternalServerError, "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)"),
            _ => Answer(HttpStatusCode.OK, "", summary: """{"written_rows":"2","written_bytes":"20"}"""));
        using var client = Client(server, time);

        var summary = await client.InsertAsync("t", ["a", "b"], "RowBinary", Data);

        Assert.Equal(new InsertSummary(2, 20), summary);
        Assert.Equal(["abcdef", "abcdef", "abcdef"], server.Bodies);
        Assert.Equal(2, time.Waits.Count);
        Assert.InRange(time.Waits.First().TotalMilliseconds, 50, 100);
        Assert.InRange(time.Waits.Last().TotalMilliseconds, 100, 200);
    }

    [Fact]
    public async Task A_permanent_error_is_not_retried()
    {
        var server = new Answers(_ => Answer(HttpStatusCode.NotFound, "Code: 60. DB::Exception: no such table. (UNKNOWN_TABLE)"));
        using var client = Client(server, new EagerTime());

        var failure = await Assert.ThrowsAsync<ClickHouseException>(() => client.ExecuteAsync("SELECT 1"));

        Assert.Equal(60, failure.Code);
        Assert.Single(server.Bodies);
    }

    [Fact]
    public async Task A_server_that_does_not_know_the_settings_of_planning_is_asked_without_them_from_then_on()
    {
        var asked = new List<bool>();
        HttpResponseMessage Reply(HttpRequestMessage request)
        {
            asked.Add(request.RequestUri!.Query.Contains("optimize_and_compare_chain=0", StringComparison.Ordinal));
            return asked[^1]
                ? Answer(HttpStatusCode.NotFound, "Code: 115. DB::Exception: Unknown setting 'optimize_and_compare_chain'. (UNKNOWN_SETTING)")
                : Answer(HttpStatusCode.OK, "");
        }

        var server = new Answers(Reply, Reply, Reply);
        using var client = Client(server, new EagerTime());

        await client.InsertAsync("t", ["a"], "RowBinary", Data);
        await client.ExecuteAsync("SELECT 1");

        Assert.Equal([true, false, false], asked);
        Assert.Equal(["abcdef", "abcdef", "SELECT 1"], server.Bodies);
    }

    [Fact]
    public async Task An_unknown_setting_of_the_operator_is_an_error()
    {
        var server = new Answers(_ => Answer(HttpStatusCode.NotFound, "Code: 115. DB::Exception: Unknown setting 'mine'. (UNKNOWN_SETTING)"));
        using var client = Client(server, new EagerTime());

        Assert.Equal(115, (await Assert.ThrowsAsync<ClickHouseException>(() => client.ExecuteAsync("SELECT 1"))).Code);
    }

    [Fact]
    public async Task Retries_end_and_the_last_error_is_thrown()
    {
        var server = new Answers(_ => Answer(HttpStatusCode.BadGateway, "proxy"));
        using var client = Client(server, new EagerTime(), options => options with { MaxRetries = 3 });

        var failure = await Assert.ThrowsAsync<ClickHouseException>(() => client.ExecuteAsync("SELECT 1"));

        Assert.True(failure.IsTransient);
        Assert.Equal(4, server.Bodies.Count);
    }

    [Fact]
    public async Task An_exception_behind_status_200_is_found()
    {
        var server = new Answers(_ => Answer(HttpStatusCode.OK, "Code: 395. DB::Exception: late. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)"));
        using var client = Client(server, new EagerTime());

        Assert.Equal(395, (await Assert.ThrowsAsync<ClickHouseException>(() => client.ExecuteAsync("SELECT 1"))).Code);
    }

    [Theory]
    [InlineData("[\"a\"]\n[\"Int64\"]\n[1]\n\r\n__exception__\r\nCode: 159. DB::Exception: slow. (TIMEOUT_EXCEEDED)\r\n__exception__\r\n")]
    [InlineData("[\"a\"]\n[\"Int64\"]\n[1]\nCode: 159. DB::Exception: slow. (TIMEOUT_EXCEEDED)")]
    [InlineData("[\"a\"]\n[\"Int64\"]\n[1]\n[2Code: 159. DB::Exception: slow. (TIMEOUT_EXCEEDED)")]
    public async Task An_exception_behind_rows_is_thrown_after_them(string body)
    {
        using var client = Client(new Answers(_ => Answer(HttpStatusCode.OK, body)), new EagerTime());
        var rows = new List<long>();

        var failure = await Assert.ThrowsAsync<ClickHouseException>(async () =>
        {
            await foreach (var row in client.QueryAsync("SELECT a FROM t"))
            {
                rows.Add(row.Get<long>("a"));
            }
        });

        Assert.Equal(159, failure.Code);
        Assert.Equal([1], rows);
    }

    [Fact]
    public async Task Credentials_go_in_headers_and_never_into_the_address()
    {
        var server = new Answers(_ => Answer(HttpStatusCode.OK, ""));
        using var client = Client(server, new EagerTime(), options => options with { User = "writer", Password = "s3cret" });

        await client.ExecuteAsync("SELECT {x:String}", new Dictionary<string, object?> { ["x"] = "a b&c" });

        var request = server.Requests.Single();
        Assert.Equal("writer", request.Headers.GetValues("X-ClickHouse-User").Single());
        Assert.Equal("s3cret", request.Headers.GetValues("X-ClickHouse-Key").Single());
        Assert.DoesNotContain("s3cret", request.RequestUri!.AbsoluteUri, StringComparison.Ordinal);
        Assert.Contains("param_x=a%20b%26c", request.RequestUri.AbsoluteUri, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_call_stops_at_once_and_is_not_retried()
    {
        using var stop = new CancellationTokenSource();
        var server = new Answers(_ =>
        {
            stop.Cancel();
            throw new TaskCanceledException();
        });
        using var client = Client(server, new EagerTime());

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.ExecuteAsync("SELECT 1", token: stop.Token));

        Assert.Single(server.Bodies);
    }

    [Theory]
    [InlineData("http://user:secret@host:8123")]
    [InlineData("ftp://host")]
    public void An_address_that_is_no_plain_http_address_is_refused(string url) =>
        Assert.Throws<SetupException>(() => new ClickHouseOptions { Url = new Uri(url) }.Validate());

    private static ClickHouseClient Client(Answers server, TimeProvider time, Func<ClickHouseOptions, ClickHouseOptions>? change = null)
    {
        var options = new ClickHouseOptions();
        return new ClickHouseClient(change is null ? options : change(options), server, time);
    }

    private static HttpResponseMessage Answer(HttpStatusCode status, string body, string? summary = null)
    {
        var response = new HttpResponseMessage(status) { Content = new StringContent(body) };
        if (summary is not null)
        {
            response.Headers.Add("X-ClickHouse-Summary", summary);
        }

        return response;
    }

    /// <summary>Gives its answers in turn, the last one again and again.</summary>
    private sealed class Answers(params Func<HttpRequestMessage, HttpResponseMessage>[] answers) : HttpMessageHandler
    {
        public List<string> Bodies { get; } = [];

        public List<HttpRequestMessage> Requests { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests.Add(request);
            Bodies.Add(await request.Content!.ReadAsStringAsync(cancellationToken));
            return answers[Math.Min(Bodies.Count, answers.Length) - 1](request);
        }
    }

    /// <summary>A clock on which waits of less than a minute are over at once; timeouts, which are longer, never are.</summary>
    private sealed class EagerTime : TimeProvider
    {
        public ConcurrentQueue<TimeSpan> Waits { get; } = new();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime >= TimeSpan.FromMinutes(1) || dueTime == Timeout.InfiniteTimeSpan)
            {
                return new NoTimer();
            }

            Waits.Enqueue(dueTime);
            ThreadPool.QueueUserWorkItem(_ => callback(state));
            return new NoTimer();
        }

        private sealed class NoTimer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
