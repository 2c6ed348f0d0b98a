namespace Stockflow.Model;

/// <summary>What a lane has reached in event time, milliseconds since 1970-01-01 UTC; 0 while unknown. Neither ever goes back while the lane lives.</summary>
/// <param name="WatermarkTs">Events below it are late.</param>
/// <param name="CloseTs">The watermark less the lateness that its sources are allowed: what lies before it may be closed.</param>
public readonly record struct LaneMarks(long WatermarkTs, long CloseTs);
