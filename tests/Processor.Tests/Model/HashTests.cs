using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Model;

public sealed class HashTests
{
    // vectors.h of the SipHash reference code, 128-bit: key 00..0f, input 00, 00 01, ...
    [Theory]
    [InlineData(0, "a3817f04ba25a8e66df67214c7550293")]
    [InlineData(1, "da87c1d86b99af44347659119b22fc45")]
    [InlineData(2, "8177228da4a45dc7fca38bdef60affe4")]
    [InlineData(15, "5493e99933b0a8117e08ec0f97cfc3d9")]
    public void SipHash_gives_the_reference_vectors(int length, string expected)
    {
        var input = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
        var hash = SipHash128.Hash(input, 0x0706050403020100, 0x0f0e0d0c0b0a0908);
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)hash);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), (ulong)(hash >> 64));
        Assert.Equal(expected, Convert.ToHexStringLower(bytes));
    }

    // Kafka's UtilsTest.testMurmur2.
    [Theory]
    [InlineData("21", -973932308)]
    [InlineData("foobar", -790332482)]
    [InlineData("a-little-bit-long-string", -985981536)]
    [InlineData("a-little-bit-longer-string", -1486304829)]
    [InlineData("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)]
    [InlineData("abc", 479470107)]
    public void Murmur2_gives_Kafkas_values(string key, int expected) =>
        Assert.Equal(expected, (int)Murmur2.Hash(System.Text.Encoding.UTF8.GetBytes(key)));

    [Fact]
    public void Ids_keep_their_numbers_through_growth()
    {
        var table = new IdTable();
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 20_000; i++)
            {
                var id = System.Text.Encoding.UTF8.GetBytes("SKU-" + i);
                Assert.Equal(i, table.Intern(id));
                Assert.Equal("SKU-" + i, table.Text(i));
            }
        }

        Assert.Equal(-1, table.Find("other"u8));
    }
}
