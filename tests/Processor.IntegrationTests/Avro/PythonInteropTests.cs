using Stockflow.Avro;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Avro;

/// <summary>Container files both ways against Apache Avro's Python library, Zstandard included.</summary>
public sealed class PythonInteropTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stockflow-avro-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("null")]
    [InlineData("deflate")]
    [InlineData("zstandard")]
    public async Task Container_files_pass_both_ways(string codec)
    {
        const int Count = 5000;
        var theirs = Path.Combine(_folder, "theirs.avro");
        await RunAsync("write", theirs, codec, $"{Count}");
        await using var input = File.OpenRead(theirs);
        var reader = await AvroContainerReader.OpenAsync(input);
        Assert.Equal(codec, reader.Codec);
        var ours = Path.Combine(_folder, "ours.avro");
        var expected = new List<string>();
        await using (var output = File.Create(ours))
        {
            await using var writer = await AvroContainerWriter.CreateAsync(output, reader.Schema, new AvroContainerOptions { Codec = codec, BlockBytes = 1000 });
            await foreach (var value in reader.ReadAllAsync())
            {
                var record = Assert.IsType<AvroRecord>(value);
                Assert.Equal((long)expected.Count, record["id"]);
                expected.Add($"{record["id"]} {record["name"] ?? "None"}");
                await writer.AppendAsync(record);
            }
        }

        Assert.Equal(Count, expected.Count);
        Assert.Equal("4999 name 4999", expected[^1]);
        Assert.Equal(expected, (await RunAsync("read", ours)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static async Task<string> RunAsync(params string[] arguments)
    {
        // Debian's own interpreter: another python3 earlier in the path lacks the Debian packages.
        await using var process = ServerProcess.Start("/usr/bin/python3", [Path.Combine(AppContext.BaseDirectory, "Peers", "avro_file.py"), .. arguments]);
        var code = await process.WaitForExitAsync();
        Assert.True(code == 0, $"avro_file.py ended with {code} (Debian packages python3-avro and python3-zstandard are needed):\n{process.Output}");
        return process.Output;
    }
}
