using System.Buffers;
using System.Runtime.InteropServices;

namespace Stockflow.Avro;

/// <summary>The system's Zstandard library (zstd.h, stable API since 1.4).</summary>
internal static unsafe partial class Zstd
{
    private const string Library = "libzstd.so.1";
    private const int Level = 3;

    public static byte[] Compress(ReadOnlySpan<byte> data)
    {
        try
        {
            var target = new byte[(int)ZSTD_compressBound((nuint)data.Length)];
            fixed (byte* to = target, from = data)
            {
                var size = Checked(ZSTD_compress(to, (nuint)target.Length, from, (nuint)data.Length, Level));
                return target[..(int)size];
            }
        }
        catch (DllNotFoundException error)
        {
            throw Missing(error);
        }
    }

    public static void Decompress(ReadOnlySpan<byte> data, ArrayBufferWriter<byte> output, int maxBytes)
    {
        nint stream;
        try
        {
            stream = ZSTD_createDStream();
        }
        catch (DllNotFoundException error)
        {
            throw Missing(error);
        }

        try
        {
            // Streaming, because the frame need not tell its size and must not be believed if it does.
            fixed (byte* from = data)
            {
                var input = new Buffer { Start = from, Size = (nuint)data.Length };
                nuint hint;
                do
                {
                    var span = output.GetSpan(4096);
                    fixed (byte* to = span)
                    {
                        var target = new Buffer { Start = to, Size = (nuint)span.Length };
                        hint = Checked(ZSTD_decompressStream(stream, &target, &input));
                        output.Advance((int)target.Position);
                        if (output.WrittenCount > maxBytes)
                        {
                            throw AvroCodec.TooLarge(maxBytes);
                        }

                        if (hint != 0 && target.Position < target.Size && input.Position == input.Size)
                        {
                            throw new AvroException("Avro block is no valid Zstandard data: it ends early.");
                        }
                    }
                }
                while (hint != 0 || input.Position < input.Size);
            }
        }
        finally
        {
            ZSTD_freeDStream(stream);
        }
    }

    private static AvroException Missing(Exception inner) =>
        new($"Avro codec 'zstandard' needs the system library {Library} (Debian package libzstd1), which is not installed.", inner);

    private static nuint Checked(nuint result) => ZSTD_isError(result) == 0
        ? result
        : throw new AvroException($"Avro block is no valid Zstandard data: {Marshal.PtrToStringUTF8(ZSTD_getErrorName(result))}.");

    [LibraryImport(Library)]
    private static partial nuint ZSTD_compressBound(nuint size);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_compress(byte* target, nuint capacity, byte* source, nuint size, int level);

    [LibraryImport(Library)]
    private static partial nint ZSTD_createDStream();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_freeDStream(nint stream);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_decompressStream(nint stream, Buffer* output, Buffer* input);

    [LibraryImport(Library)]
    private static partial uint ZSTD_isError(nuint code);

    [LibraryImport(Library)]
    private static partial nint ZSTD_getErrorName(nuint code);

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer: the same layout.</summary>
    private struct Buffer
    {
        public byte* Start;
        public nuint Size;
        public nuint Position;
    }
}
