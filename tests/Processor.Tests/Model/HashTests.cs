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

    [Fact]
    public void SipHash_is_the_reference_codes_for_every_length()
    {
        var random = new Random(1);
        for (var length = 0; length < 300; length++)
        {
            var input = new byte[length];
            random.NextBytes(input);
            var (k0, k1) = ((ulong)random.NextInt64(), (ulong)random.NextInt64());
            Assert.Equal(PlainSipHash(input, k0, k1), SipHash128.Hash(input, k0, k1));
        }
    }

    [Fact]
    public void Four_at_a_time_hash_like_one_by_one()
    {
        var arena = new byte[1000];
        var random = new Random(4);
        random.NextBytes(arena);
        var hashes = new UInt128[SipHash128.Lanes];
        for (var length = 8; length < 200; length++)
        {
            var starts = Enumerable.Range(0, SipHash128.Lanes).Select(_ => random.Next(arena.Length - length)).ToArray();
            SipHash128.HashFour(arena, starts, length, hashes);
            Assert.Equal(starts.Select(start => SipHash128.Hash(arena.AsSpan(start, length))), hashes);
        }
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

    [Fact]
    public void Ids_are_told_apart_whatever_their_length()
    {
        var table = new IdTable();
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var random = new Random(2);
        for (var round = 0; round < 60_000; round++)
        {
            // Few letters, and long runs of one: ids that share beginnings, ends and all but one place.
            var id = new string('a', random.Next(40)).ToCharArray();
            for (var changes = random.Next(3); changes > 0 && id.Length > 0; changes--)
            {
                id[random.Next(id.Length)] = (char)random.Next(3);
            }

            var text = new string(id);
            var bytes = System.Text.Encoding.UTF8.GetBytes(text);
            var known = numbers.TryGetValue(text, out var number);
            Assert.Equal(known ? number : -1, table.Find(bytes));
            if (!known)
            {
                number = numbers.Count;
                numbers.Add(text, number);
                Assert.Equal(number, table.Intern(bytes));
                table.Flags(number) = (byte)number;
            }

            Assert.Equal(text, table.Text(number));
            Assert.Equal((byte)number, table.Flags(number));
        }

        Assert.Equal(numbers.Count, table.Count);
        Assert.True(numbers.Count > 10_000);
    }

    // Step by step as the paper has it, for little-endian words.
    private static UInt128 PlainSipHash(byte[] data, ulong k0, ulong k1)
    {
        ulong[] v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573];
        var padded = new byte[(data.Length / 8 * 8) + 8];
        data.CopyTo(padded, 0);
        padded[^1] = (byte)data.Length;
        for (var at = 0; at < padded.Length; at += 8)
        {
            var word = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(padded.AsSpan(at));
            v[3] ^= word;
            Rounds(2);
            v[0] ^= word;
        }

        v[2] ^= 0xee;
        Rounds(4);
        var low = v[0] ^ v[1] ^ v[2] ^ v[3];
        v[1] ^= 0xdd;
        Rounds(4);
        return new UInt128(v[0] ^ v[1] ^ v[2] ^ v[3], low);

        void Rounds(int count)
        {
            for (; count > 0; count--)
            {
                v[0] += v[1];
                v[1] = ulong.RotateLeft(v[1], 13) ^ v[0];
                v[0] = ulong.RotateLeft(v[0], 32);
                v[2] += v[3];
                v[3] = ulong.RotateLeft(v[3], 16) ^ v[2];
                v[0] += v[3];
                v[3] = ulong.RotateLeft(v[3], 21) ^ v[0];
                v[2] += v[1];
                v[1] = ulong.RotateLeft(v[1], 17) ^ v[2];
                v[2] = ulong.RotateLeft(v[2], 32);
            }
        }
    }
}
