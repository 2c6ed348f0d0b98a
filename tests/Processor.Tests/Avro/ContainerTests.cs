using System.Text;
using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

public sealed class ContainerTests
{
    private static readonly AvroSchema s_schema = AvroFixtures.Record("""{"name":"id","type":"long"},{"name":"name","type":"string"}""");

    [Fact]
    public async Task A_file_has_exactly_these_bytes()
    {
        var file = new MemoryStream();
        var sync = Enumerable.Range(0, 16).Select(i => (byte)i).ToArray();
        await using (var writer = await AvroContainerWriter.CreateAsync(file, AvroSchema.Parse("\"int\""), new AvroContainerOptions { SyncMarker = sync }))
        {
            await writer.AppendAsync(1);
            await writer.AppendAsync(-1);
        }

        var wanted = "4F626A01" + "04" + "16" + Hex("avro.schema") + "0A" + Hex("\"int\"") + "14" + Hex("avro.codec") + "08" + Hex("null") + "00"
            + Convert.ToHexString(sync) + "04" + "04" + "0201" + Convert.ToHexString(sync);
        Assert.Equal(wanted, Convert.ToHexString(file.ToArray()));

        static string Hex(string text) => Convert.ToHexString(Encoding.UTF8.GetBytes(text));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("deflate")]
    [InlineData("zstandard")]
    public async Task Records_survive_each_codec(string codec)
    {
        var file = await WriteAsync(codec, 5000);
        var reader = await AvroContainerReader.OpenAsync(new MemoryStream(file));
        Assert.Equal(codec, reader.Codec);
        Assert.Equal("test", Encoding.UTF8.GetString(reader.Metadata["origin"]));
        var next = 0L;
        await foreach (var item in reader.ReadAllAsync())
        {
            var record = Assert.IsType<AvroRecord>(item);
            Assert.Equal(next, record["id"]);
            Assert.Equal($"name {next++}", record["name"]);
        }

        Assert.Equal(5000, next);
    }

    [Fact]
    public async Task Reading_can_start_again_at_any_block()
    {
        var file = await WriteAsync("deflate", 2000);
        var reader = await AvroContainerReader.OpenAsync(new MemoryStream(file));
        var blocks = new List<(long Position, int Records)>();
        while (await reader.ReadBlockAsync())
        {
            blocks.Add((reader.BlockStart, reader.RecordCount));
        }

        Assert.True(blocks.Count > 5);
        Assert.Equal(file.Length, reader.NextBlock);
        for (var i = 0; i < blocks.Count; i++)
        {
            reader.SeekToBlock(blocks[i].Position);
            var records = 0;
            var first = -1L;
            await foreach (var item in reader.ReadAllAsync())
            {
                first = first < 0 ? (long)((AvroRecord)item!)["id"]! : first;
                records++;
            }

            Assert.Equal(blocks.Skip(i).Sum(block => block.Records), records);
            Assert.Equal(blocks.Take(i).Sum(block => block.Records), first);
        }
    }

    [Fact]
    public async Task A_compiled_reader_walks_a_block()
    {
        var container = await AvroContainerReader.OpenAsync(new MemoryStream(await WriteAsync("null", 10)));
        var reader = RecordReader.Compile(container.Schema, s_schema);
        var slots = new AvroSlot[2];
        Assert.True(await container.ReadBlockAsync());
        var position = 0;
        for (var i = 0; i < container.RecordCount; i++)
        {
            Assert.True(reader.TryReadAt(container.BlockData.Span, position, slots, out var consumed).IsOk);
            Assert.Equal(i, slots[0].Long);
            position += consumed;
        }

        Assert.Equal(container.BlockData.Length, position);
    }

    [Fact]
    public async Task A_record_that_does_not_fit_leaves_the_file_whole()
    {
        var file = new MemoryStream();
        await using (var writer = await AvroContainerWriter.CreateAsync(file, s_schema))
        {
            await writer.AppendAsync(new Dictionary<string, object?> { ["id"] = 1L, ["name"] = "a" });
            await Assert.ThrowsAsync<AvroDataException>(async () => await writer.AppendAsync(new Dictionary<string, object?> { ["id"] = 2L, ["name"] = 5 }));
            await writer.AppendAsync(new Dictionary<string, object?> { ["id"] = 3L, ["name"] = "c" });
        }

        file.Position = 0;
        var ids = new List<object?>();
        await foreach (var item in (await AvroContainerReader.OpenAsync(file)).ReadAllAsync())
        {
            ids.Add(((AvroRecord)item!)["id"]);
        }

        Assert.Equal([1L, 3L], ids);
    }

    [Fact]
    public async Task Snappy_is_refused_by_name()
    {
        var text = Encoding.Latin1.GetString(await WriteAsync("null", 1)).Replace("avro.codec\u0008null", "avro.codec\u000csnappy", StringComparison.Ordinal);
        var error = await Assert.ThrowsAsync<AvroException>(() => AvroContainerReader.OpenAsync(new MemoryStream(Encoding.Latin1.GetBytes(text))));
        Assert.Contains("'snappy' is not supported", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("deflate")]
    [InlineData("zstandard")]
    public async Task A_file_cut_at_any_byte_is_read_to_its_last_whole_block_and_then_refused(string codec)
    {
        var file = await WriteAsync(codec, 60);
        for (var length = 0; length < file.Length; length++)
        {
            var records = 0;
            try
            {
                await foreach (var item in (await AvroContainerReader.OpenAsync(new MemoryStream(file, 0, length))).ReadAllAsync())
                {
                    records++;
                }
            }
            catch (AvroException error)
            {
                Assert.Contains("byte", error.Message, StringComparison.Ordinal);
                records = -1;
            }

            Assert.True(records < 60, $"cut at {length}");
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("deflate")]
    [InlineData("zstandard")]
    public async Task Damaged_bytes_never_do_more_than_throw_an_avro_exception(string codec)
    {
        var file = await WriteAsync(codec, 60);
        var random = new Random(5);
        for (var i = 0; i < 1500; i++)
        {
            var copy = file.ToArray();
            copy[random.Next(copy.Length)] ^= (byte)random.Next(1, 256);
            try
            {
                await foreach (var item in (await AvroContainerReader.OpenAsync(new MemoryStream(copy))).ReadAllAsync())
                {
                    Assert.NotNull(item);
                }
            }
            catch (AvroException)
            {
            }
        }
    }

    [Theory]
    [InlineData("deflate")]
    [InlineData("zstandard")]
    public void A_block_that_swells_beyond_the_limit_is_refused(string codec)
    {
        var small = AvroCodec.Compress(codec, new byte[10_000_000]);
        Assert.True(small.Length < 20_000);
        Assert.Contains("larger than", Assert.Throws<AvroException>(() => AvroCodec.Decompress(codec, small, 1_000_000)).Message, StringComparison.Ordinal);
    }

    private static async Task<byte[]> WriteAsync(string codec, int count)
    {
        var file = new MemoryStream();
        var options = new AvroContainerOptions { Codec = codec, BlockBytes = 200, Metadata = new Dictionary<string, byte[]> { ["origin"] = "test"u8.ToArray() } };
        await using var writer = await AvroContainerWriter.CreateAsync(file, s_schema, options);
        for (var i = 0; i < count; i++)
        {
            await writer.AppendAsync(new Dictionary<string, object?> { ["id"] = (long)i, ["name"] = $"name {i}" });
        }

        await writer.FlushAsync();
        return file.ToArray();
    }
}
