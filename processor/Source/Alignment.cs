namespace Stockflow.Source;

/// <summary>Lanes that are far ahead in event time wait for the others.</summary>
internal static class Alignment
{
    /// <summary>
    /// Whether a lane is to be held back. Once it is, it waits until half of the limit is left, because a resumed partition is fetched anew.
    /// Unknown watermarks hold nobody back. The lane that is furthest behind is never held back, so one always goes on.
    /// </summary>
    /// <param name="watermarkTs">The lane's watermark, milliseconds.</param>
    /// <param name="globalTs">The least watermark of all lanes, milliseconds; 0 while unknown.</param>
    /// <param name="limit">How far ahead it may be, milliseconds; 0 for no limit.</param>
    /// <param name="isHeld">Whether it is held back now.</param>
    public static bool IsAhead(long watermarkTs, long globalTs, long limit, bool isHeld) =>
        limit > 0 && globalTs > 0 && watermarkTs - globalTs > (isHeld ? limit / 2 : limit);
}
