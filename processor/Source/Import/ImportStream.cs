using System.IO.Compression;
using System.Security.Cryptography;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>
/// A file's content, unpacked if it is gzip (told by its first bytes). Broken compression ends the content with a
/// <see cref="Problem"/> instead of an exception.
/// </summary>
public sealed class ImportStream : Stream
{
    private readonly FileStream file;
    private readonly HashingStream hashing;
    private readonly Stream content;
    private readonly GzipTrailer? trailer;

    private ImportStream(FileStream file, GzipTrailer? trailer)
    {
        this.file = file;
        this.trailer = trailer;
        hashing = new HashingStream(file);
        content = trailer is not null ? new GZipStream(hashing, CompressionMode.Decompress) : hashing;
    }

    /// <summary>Why the content ends early, or null.</summary>
    public string? Problem { get; private set; }

    /// <summary>Bytes of the file that were read, and that it has.</summary>
    public long FileRead => file.Position;

    public long FileBytes => file.Length;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Bytes of unpacked content that were read; 0 for a file that is not packed.</summary>
    public long ContentBytes => trailer?.ContentBytes ?? 0;

    /// <param name="path">The file.</param>
    /// <param name="contentBytes"><see cref="ContentBytes"/> of an earlier pass, without which a file that ends early can not be told; -1 in the first.</param>
    /// <exception cref="SetupException">The file can not be opened.</exception>
    public static ImportStream Open(string path, long contentBytes = -1)
    {
        try
        {
            var file = new FileStream(path, new FileStreamOptions { BufferSize = 128 * 1024, Options = FileOptions.SequentialScan });
            Span<byte> magic = stackalloc byte[2];
            Span<byte> trailer = stackalloc byte[8];
            var read = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
            var packed = read == magic.Length && magic is [0x1F, 0x8B];
            if (packed)
            {
                file.Position = Math.Max(0, file.Length - trailer.Length);
                file.ReadAtLeast(trailer, trailer.Length, throwOnEndOfStream: false);
            }

            file.Position = 0;
            return new ImportStream(file, packed ? new GzipTrailer(trailer, contentBytes) : null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new SetupException($"{path} can not be read: {error.Message}", error);
        }
    }

    /// <summary>SHA-256 of the whole file as it lies on disk; reads what is left of it.</summary>
    public string Hash()
    {
        Span<byte> rest = new byte[64 * 1024];
        while (hashing.Read(rest) > 0)
        {
        }

        return hashing.Hash();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (Problem is not null)
        {
            return 0;
        }

        try
        {
            var read = content.Read(buffer);
            trailer?.Add(buffer[..read]);
            if (read == 0 && buffer.Length > 0 && trailer is { IsKnown: true, IsWhole: false })
            {
                Problem = "the file ends early, or other bytes follow the packed data";
            }

            return read;
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            Problem = error.Message;
            return 0;
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            content.Dispose();
            hashing.Dispose();
        }

        base.Dispose(disposing);
    }

    private sealed class HashingStream(FileStream inner) : Stream
    {
        private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public string Hash() => Convert.ToHexStringLower(hash.GetCurrentHash());

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var read = inner.Read(buffer);
            hash.AppendData(buffer[..read]);
            return read;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
                hash.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
