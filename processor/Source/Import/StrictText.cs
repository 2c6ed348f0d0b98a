using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Stockflow.Source.Import;

/// <summary>Turns a record's bytes into text, or says where they are none.</summary>
internal static class StrictText
{
    public static string? Decode(ReadOnlySpan<byte> bytes, bool latin1, out RowProblem? problem)
    {
        problem = null;
        var nul = bytes.IndexOf((byte)0);
        if (nul >= 0)
        {
            problem = new RowProblem("nul_byte", "the record holds a NUL byte", nul + 1);
            return null;
        }

        if (latin1)
        {
            return Encoding.Latin1.GetString(bytes);
        }

        if (Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var position = 0;
        while (Rune.DecodeFromUtf8(bytes[position..], out _, out var used) == OperationStatus.Done)
        {
            position += used;
        }

        problem = new RowProblem("not_utf8", $"byte 0x{bytes[position]:X2} is not UTF-8; if the file is in Latin-1 set 'encoding: latin1' in the mapping", position + 1);
        return null;
    }
}
