namespace Stockflow.Avro;

/// <summary>Conversions between Avro's times and .NET's; all are null or false beyond the years 1 to 9999.</summary>
internal static class AvroTime
{
    public static long FloorDivide(long value, long divisor)
    {
        var (quotient, remainder) = Math.DivRem(value, divisor);
        return remainder < 0 ? quotient - 1 : quotient;
    }

    public static DateTime? FromEpoch(long value, long ticksPerUnit, DateTimeKind kind)
    {
        var ticks = (Int128)value * ticksPerUnit + DateTime.UnixEpoch.Ticks;
        return ticks >= 0 && ticks <= DateTime.MaxValue.Ticks ? new DateTime((long)ticks, kind) : null;
    }

    public static long ToEpoch(DateTime value, long ticksPerUnit) => FloorDivide(value.Ticks - DateTime.UnixEpoch.Ticks, ticksPerUnit);

    public static DateOnly? ToDate(long days)
    {
        var number = days + DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber;
        return number >= 0 && number <= DateOnly.MaxValue.DayNumber ? DateOnly.FromDayNumber((int)number) : null;
    }

    public static int FromDate(DateOnly date) => date.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber;

    public static TimeOnly? ToTime(long value, long ticksPerUnit) =>
        value >= 0 && value < TimeSpan.TicksPerDay / ticksPerUnit ? new TimeOnly(value * ticksPerUnit) : null;

    /// <summary>Ticks in the unit of a time or timestamp type.</summary>
    public static long TicksPerUnit(AvroLogicalType logical) => logical switch
    {
        AvroLogicalType.TimeMillis or AvroLogicalType.TimestampMillis or AvroLogicalType.LocalTimestampMillis => TimeSpan.TicksPerMillisecond,
        _ => TimeSpan.TicksPerMicrosecond,
    };
}
