using System.Text;
using Confluent.Kafka;
using Stockflow.Commands;
using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Commands;

public sealed class DlqTests
{
    [Fact]
    public void The_original_record_has_its_own_headers_only_in_their_order()
    {
        var letter = Letter(("trace", "1"), ("dlq.topic", "orders"), ("trace", "2"), ("dlq.reason", "bad_id"), ("origin", null));
        var original = letter.Original();
        Assert.Equal(["trace=1", "trace=2", "origin="], original.Headers.Select(header => $"{header.Key}={Text(header.GetValueBytes())}"));
        Assert.Equal("k", Text(original.Key));
        Assert.Equal("v", Text(original.Value));
    }

    [Fact]
    public void A_letter_that_failed_again_tells_the_last_failure()
    {
        var letter = Letter(("dlq.reason", "unknown_sku"), ("dlq.reason", "time_future"), ("dlq.failed-at", "2026-03-01T12:00:00Z"));
        Assert.Equal("time_future", letter.Reason);
        Assert.Equal(new DateTime(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc), letter.FailedAt);
        Assert.Equal("3:7", letter.Id);
    }

    [Theory]
    [InlineData("dlq.topic", "orders", null)]
    [InlineData("other", "x", "dlq.topic")]
    [InlineData("dlq.topic", "dead", "itself")]
    public void What_can_not_be_sent_again_says_why(string header, string value, string? obstacle)
    {
        var found = Letter((header, value)).Obstacle("dead");
        Assert.Equal(obstacle is null, found is null);
        Assert.Contains(obstacle ?? "", found ?? "", StringComparison.Ordinal);
        Assert.Contains("cut", Letter(("dlq.topic", "orders"), ("dlq.truncated-from", "9")).Obstacle("dead"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Decoding_is_best_effort()
    {
        var schemas = new FolderSchemaSource(SchemaCatalog.DefaultFolder);
        Assert.Contains("not decoded", await DeadLetterView.DecodeAsync(Letter(), schemas, CancellationToken.None), StringComparison.Ordinal);
        Assert.Contains("no schema 99", await DeadLetterView.DecodeAsync(Letter([0, 0, 0, 0, 99, 1]), schemas, CancellationToken.None), StringComparison.Ordinal);
        Assert.Contains("not decoded", await DeadLetterView.DecodeAsync(Letter([0, 0, 0, 0, 1, 1]), schemas, CancellationToken.None), StringComparison.Ordinal);
        // Vendor (id 8): vendor_id "V", name "N", country null, updated_at 0.
        var vendor = await DeadLetterView.DecodeAsync(Letter([0, 0, 0, 0, 8, 2, (byte)'V', 2, (byte)'N', 0, 0]), schemas, CancellationToken.None);
        Assert.Contains("\"vendor_id\": \"V\"", vendor, StringComparison.Ordinal);
    }

    [Fact]
    public void Hex_shows_offset_bytes_and_text()
    {
        Assert.Equal("00000000  00 41 ff" + new string(' ', 13 * 3) + "  .A.\n", DeadLetterView.Hex([0, 0x41, 0xff]));
        Assert.EndsWith("... 904 more\n", DeadLetterView.Hex(new byte[5000]), StringComparison.Ordinal);
    }

    [Fact]
    public void Data_can_not_steer_the_terminal() =>
        Assert.Equal("a\uFFFD[31mb\uFFFD", TerminalTable.Printable("a\u001b[31mb\n"));

    [Theory]
    [InlineData("15m", 15 * 60)]
    [InlineData("1.5h", 5400)]
    [InlineData("7d", 7 * 86400)]
    public void Since_takes_a_duration(string text, int seconds)
    {
        var clock = new FixedClock();
        Assert.Equal(clock.GetUtcNow().UtcDateTime.AddSeconds(-seconds), Peers.Since(text, clock));
    }

    [Fact]
    public void Since_takes_a_time_in_UTC()
    {
        Assert.Equal(new DateTime(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc), Peers.Since("2026-03-01T12:00:00", TimeProvider.System));
        Assert.Throws<UsageException>(() => Peers.Since("yesterday", TimeProvider.System));
    }

    [Theory]
    [InlineData("replay", "--yes")]
    [InlineData("replay", "1-2")]
    [InlineData("list", "--reason", "because")]
    [InlineData("show", "x")]
    public async Task Wrong_usage_ends_before_Kafka_is_asked(params string[] arguments) =>
        Assert.Equal(ExitCode.Usage, await DlqCommand.Create().Parse([.. arguments, "--bootstrap-servers", "127.0.0.1:9"]).InvokeAsync());

    private static DeadLetter Letter(params (string Name, string? Value)[] headers) => Letter("v"u8.ToArray(), headers);

    private static DeadLetter Letter(byte[] value, params (string Name, string? Value)[] headers)
    {
        var message = new Message<byte[]?, byte[]?> { Key = "k"u8.ToArray(), Value = value, Headers = [], Timestamp = new Timestamp(DateTime.UnixEpoch) };
        foreach (var (name, text) in headers)
        {
            message.Headers.Add(name, text is null ? null : Encoding.UTF8.GetBytes(text));
        }

        return new DeadLetter(new ConsumeResult<byte[]?, byte[]?> { Partition = 3, Offset = 7, Message = message });
    }

    private static string? Text(byte[]? bytes) => bytes is null ? null : Encoding.UTF8.GetString(bytes);

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddYears(50);
    }
}
