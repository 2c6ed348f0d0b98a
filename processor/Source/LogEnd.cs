namespace Stockflow.Source;

/// <summary>Where a partition's log ended at an instant or later.</summary>
/// <param name="Offset">Offset after the last record.</param>
/// <param name="Stamp">The instant as a stamp of the time provider.</param>
/// <param name="Ts">The instant by the wall clock, milliseconds since 1970-01-01 UTC.</param>
internal readonly record struct LogEnd(long Offset, long Stamp, long Ts);
