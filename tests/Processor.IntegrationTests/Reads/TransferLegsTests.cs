using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Reads;

public sealed class TransferLegsTests
{
    [Fact]
    public async Task Old_transfers_with_open_units_are_counted_and_corrected_or_young_ones_are_not()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var now = DateTimeOffset.UtcNow;
        long Hours(double ago) => now.AddHours(-ago).ToUnixTimeMilliseconds();
        var number = 0;
        Row Leg(string document, string type, long qty, double ago, string from = "A", string to = "B") => new(
            number, $"e{number++}", Hours(ago), Hours(ago), "S", type == "TRANSFER_OUT" ? from : to, type, qty, null, type == "TRANSFER_OUT" ? to : from, "")
        { Reference = document };
        var rows = new List<Row>
        {
            Leg("matched", "TRANSFER_OUT", -5, 100), Leg("matched", "TRANSFER_IN", 5, 1),
            Leg("lost", "TRANSFER_OUT", -5, 100), Leg("lost", "TRANSFER_IN", 3, 90),
            Leg("unsent", "TRANSFER_IN", 2, 80), Leg("young", "TRANSFER_OUT", -2, 70), Leg("ancient", "TRANSFER_OUT", -2, 24 * 36),
            Leg("voided", "TRANSFER_OUT", -2, 100),
        };
        rows.Add(new Row(number, $"e{number}", Hours(1), Hours(1), "S", "A", "CORRECTION", 0, null, "", rows[^1].EventId));
        await RandomLedger.InsertAsync(client, rows);

        Assert.Equal(2, await new TransferLegs(client, new TransferOptions()).CountAsync(now, default));
        Assert.Equal(3, await new TransferLegs(client, new TransferOptions { UnmatchedHours = 24 }).CountAsync(now, default));
        Assert.Equal(0, await new TransferLegs(client, new TransferOptions { UnmatchedHours = 200 }).CountAsync(now, default));
    }
}
