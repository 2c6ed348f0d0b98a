using System.Text.Json;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Embedded;

public sealed class RegistryPeerTests
{
    [Fact]
    public async Task A_Confluent_client_of_another_language_registers_writes_and_reads()
    {
        await using var process = ServerProcess.Start(ServerProcess.Processor, ["registry", "--port", "0", "--exit-with-parent"]);
        var url = (await process.WaitForLineAsync("listening on "))["listening on ".Length..];
        var output = await NodePeer.RunAsync("registry-client.js", url);
        var seen = JsonDocument.Parse(output.Split('\n').Single(line => line.StartsWith('{'))).RootElement;

        Assert.Equal(8, seen.GetProperty("id").GetInt32());
        Assert.Equal(8, seen.GetProperty("found").GetInt32());
        Assert.Equal("V-1", seen.GetProperty("vendor").GetString());
        Assert.Equal(12, seen.GetProperty("registered").GetInt32());
        Assert.Equal(12, seen.GetProperty("again").GetInt32());
        Assert.Equal(12, seen.GetProperty("byText").GetInt32());
        Assert.NotEmpty(seen.GetProperty("refusal").GetString()!);
        Assert.StartsWith("404", seen.GetProperty("missing").GetString(), StringComparison.Ordinal);

        // What the peer wrote is read here, with the schema that the registry tells.
        var bytes = Convert.FromHexString(seen.GetProperty("hex").GetString()!);
        Assert.Equal(ConfluentFrameStatus.Ok, ConfluentFrame.TryParse(bytes, out var id, out _));
        using var client = new SchemaRegistryClient(new SchemaRegistryOptions(url));
        var schema = (await client.GetByIdAsync(id, CancellationToken.None))!;
        var record = (AvroRecord)GenericReader.Read(schema, schema, bytes.AsSpan(ConfluentFrame.Size))!;
        Assert.Equal("Acme", record["name"]);

        // And what the peer registered is found here.
        Assert.Equal("peer.Probe", (await client.GetLatestAsync("peer-value", CancellationToken.None))!.Schema.FullName);
    }
}
