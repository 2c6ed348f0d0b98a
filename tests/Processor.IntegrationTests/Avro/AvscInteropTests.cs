using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Stockflow.Avro;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Avro;

/// <summary>Both ways against the npm package avsc: values, resolution, fingerprints and container files.</summary>
public sealed class AvscInteropTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stockflow-avsc-").FullName;

    public static TheoryData<string> Schemas =>
        [.. Directory.GetFiles(SchemaFolder, "*.avsc").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    private static string SchemaFolder => Path.Combine(AppContext.BaseDirectory, "schemas", "avro");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Schemas))]
    public async Task Our_records_are_read_and_written_alike(string name)
    {
        var schema = AvroSchema.Parse(await File.ReadAllTextAsync(SchemaPath(name)));
        var random = new Random(name.Length);
        var values = Enumerable.Range(0, 50).Select(_ => SampleValues.Of(random, schema)).ToList();
        var ours = values.Select(value => GenericWriter.Write(schema, value)).ToList();

        var decoded = Lines(await NodePeer.RunAsync("avsc.js", "decode", SchemaPath(name), Save("hex", ours.Select(Convert.ToHexString))));
        Assert.Equal(values.Count, decoded.Length);
        for (var i = 0; i < decoded.Length; i++)
        {
            AssertSameJson(AvroJson.Write(schema, values[i], AvroJsonStyle.Avro), decoded[i]);
        }

        var encoded = Lines(await NodePeer.RunAsync("avsc.js", "encode", SchemaPath(name), Save("json", decoded)));
        Assert.Equal(ours.Select(Convert.ToHexString), encoded);
        var reader = RecordReader.Compile(schema, schema);
        var slots = new AvroSlot[reader.SlotCount];
        Assert.All(encoded, hex => Assert.True(reader.TryRead(Convert.FromHexString(hex), slots).IsOk));
    }

    [Fact]
    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "avsc fingerprints by MD5.")]
    public async Task Canonical_forms_have_the_same_fingerprints()
    {
        var paths = Directory.GetFiles(SchemaFolder, "*.avsc");
        var theirs = Lines(await NodePeer.RunAsync("avsc.js", ["fingerprint", .. paths]));
        var ours = paths.Select(path => Convert.ToHexString(MD5.HashData(Encoding.UTF8.GetBytes(AvroSchema.Parse(File.ReadAllText(path)).CanonicalForm))));
        Assert.Equal(theirs, ours);
    }

    [Theory]
    [InlineData("\"int\"", "\"long\"", "[-5,2147483647]")]
    [InlineData("\"int\"", "\"double\"", "[-5]")]
    [InlineData("\"long\"", "\"float\"", "[16777216]")]
    [InlineData("\"float\"", "\"double\"", "[0.5]")]
    [InlineData("\"string\"", "\"bytes\"", "[\"ab\"]")]
    [InlineData("\"bytes\"", "\"string\"", "[\"ab\"]")]
    [InlineData("\"string\"", """["null","string"]""", "[\"ab\"]")]
    [InlineData("""["null","int"]""", """["string","long","null"]""", """[null,{"int":3}]""")]
    [InlineData("""["int","string"]""", """["string","double"]""", """[{"int":3},{"string":"x"}]""")]
    [InlineData("""{"type":"enum","name":"E","symbols":["A","B"]}""", """{"type":"enum","name":"E","symbols":["Z","B","A"]}""", """["A","B"]""")]
    [InlineData("""{"type":"array","items":"int"}""", """{"type":"array","items":"double"}""", "[[],[1,2]]")]
    [InlineData("""{"type":"map","values":"int"}""", """{"type":"map","values":"long"}""", """[{},{"a":1}]""")]
    [InlineData(
        """{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"gone","type":{"type":"array","items":"string"}},{"name":"b","type":"string"}]}""",
        """{"type":"record","name":"S","aliases":["R"],"fields":[{"name":"b","type":"string"},{"name":"n","type":"long","default":7},{"name":"c","aliases":["a"],"type":"long"}]}""",
        """[{"a":1,"gone":["x","y"],"b":"z"}]""")]
    public async Task Resolution_gives_the_same_values(string writer, string reader, string values)
    {
        var from = AvroSchema.Parse(writer);
        var to = AvroSchema.Parse(reader);
        var bodies = JsonNode.Parse(values)!.AsArray().Select(value => GenericWriter.Write(from, AvroJson.Read(from, value?.ToJsonString() ?? "null", AvroJsonStyle.Avro))).ToList();

        var theirs = Lines(await NodePeer.RunAsync("avsc.js", "resolve", Save("writer", [writer]), Save("reader", [reader]), Save("hex", bodies.Select(Convert.ToHexString))));

        Assert.Equal(bodies.Count, theirs.Length);
        for (var i = 0; i < bodies.Count; i++)
        {
            AssertSameJson(AvroJson.Write(to, GenericReader.Read(from, to, bodies[i]), AvroJsonStyle.Avro), theirs[i]);
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("deflate")]
    public async Task Container_files_pass_both_ways(string codec)
    {
        var path = SchemaPath("InventoryMovement");
        var schema = AvroSchema.Parse(await File.ReadAllTextAsync(path));
        var random = new Random(11);
        var values = Enumerable.Range(0, 300).Select(_ => SampleValues.Of(random, schema)).ToList();
        var json = values.Select(value => AvroJson.Write(schema, value, AvroJsonStyle.Avro)).ToList();
        var ours = Path.Combine(_folder, "ours.avro");
        await using (var file = File.Create(ours))
        {
            await using var writer = await AvroContainerWriter.CreateAsync(file, schema, new AvroContainerOptions { Codec = codec, BlockBytes = 4096 });
            foreach (var value in values)
            {
                await writer.AppendAsync(value);
            }
        }

        var read = Lines(await NodePeer.RunAsync("avsc.js", "read-file", ours));
        Assert.Equal(json.Count, read.Length);
        AssertSameJson(json[^1], read[^1]);

        var theirs = Path.Combine(_folder, "theirs.avro");
        await NodePeer.RunAsync("avsc.js", "write-file", path, Save("json", json), theirs, codec);
        await using var input = File.OpenRead(theirs);
        var container = await AvroContainerReader.OpenAsync(input);
        Assert.Equal(codec, container.Codec);
        var index = 0;
        await foreach (var value in container.ReadAllAsync(schema))
        {
            Assert.Equal(GenericWriter.Write(schema, values[index++]), GenericWriter.Write(schema, value));
        }

        Assert.Equal(values.Count, index);
    }

    private static string SchemaPath(string name) => Path.Combine(SchemaFolder, name + ".avsc");

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static void AssertSameJson(string ours, string theirs) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(ours), JsonNode.Parse(theirs)), $"ours:   {ours}\ntheirs: {theirs}");

    private string Save(string name, IEnumerable<string> lines)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllLines(path, lines);
        return path;
    }
}
