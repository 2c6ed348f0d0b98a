namespace Stockflow.Model;

/// <summary>
/// A lane has applied all that its partition held at an instant: of a source of which nothing came, nothing was there.
/// Stamps are those of <see cref="TimeProvider.GetTimestamp"/>, so that a wall clock that is set makes no source idle.
/// </summary>
/// <param name="Since">Stamp of the instant before, since which the partition was never held back and never fell behind; else null.</param>
/// <param name="Stamp">The instant.</param>
/// <param name="Ts">The instant by the wall clock, milliseconds since 1970-01-01 UTC.</param>
public readonly record struct CaughtUp(long? Since, long Stamp, long Ts);
