using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Stockflow.Model;

/// <summary>
/// Fetches memory into the near caches before it is needed. The tables of all lanes do not fit there, and a stage that knows what it will
/// look up waits for memory many times at once instead of one after the other. Does nothing on processors without SSE.
/// </summary>
internal static class CacheLine
{
    public static unsafe void Prefetch<T>(ref T place)
    {
        if (Sse.IsSupported)
        {
            // The garbage collector may move what is pointed at: then a line is fetched that nobody needs.
            Sse.Prefetch0(Unsafe.AsPointer(ref place));
        }
    }
}
