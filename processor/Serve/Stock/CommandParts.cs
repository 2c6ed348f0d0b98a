using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>What planners of commands share.</summary>
internal static class CommandParts
{
    public const string Anonymous = "anonymous", Program = "stockflow";

    private const decimal Scale = 10_000m;

    /// <summary>The movements that move something, with event ids. A document's revision is changed once only, so no two commands get the same id.</summary>
    /// <param name="prefix">Kind and id of the document.</param>
    /// <param name="nowTs">When the command came; a document that is deleted and made again begins anew with its revisions.</param>
    /// <param name="revision">The document's revision after the command.</param>
    /// <param name="moves">In the order in which they happen.</param>
    public static StockMove[] Numbered(string prefix, long nowTs, long revision, IEnumerable<StockMove> moves) =>
        [.. moves.Where(move => move.Quantity != 0).Select((move, i) => move with { EventId = string.Create(CultureInfo.InvariantCulture, $"{prefix}.{nowTs}.{revision}.{i}") })];

    /// <summary>Who does it: the API key's name, or whom the body names where no keys are in use.</summary>
    public static string Person<T>(CommandRequest<T> request, string field, string? named)
    {
        if (request.Caller == Anonymous)
        {
            Check.Id(field, named);
            RefusedCommandException.ThrowIf(named is Anonymous or Program or CountSheet.Auto, field, $"'{named}' is not a person's name");
            return named!;
        }

        RefusedCommandException.ThrowIf(named is not null && named != request.Caller, field, $"must be left out or be the API key's name, '{request.Caller}'");
        return request.Caller;
    }

    /// <summary>A time of a body; without an offset it is UTC, wherever the processor runs.</summary>
    public static DateTime Utc(DateTime time) => time.Kind == DateTimeKind.Unspecified ? DateTime.SpecifyKind(time, DateTimeKind.Utc) : time.ToUniversalTime();

    public static long Ts(DateTime instant) => new DateTimeOffset(instant.ToUniversalTime()).ToUnixTimeMilliseconds();

    public static string NewId(long nowTs) => Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(nowTs)).ToString("N");

    /// <summary>An amount of money with at most 4 decimal places, in ten-thousandths.</summary>
    public static long? Money(string field, decimal? amount)
    {
        if (amount is not { } value)
        {
            return null;
        }

        RefusedCommandException.ThrowIf(value < 0 || value > Movement.MaximumMoney / Scale || value * Scale != decimal.Truncate(value * Scale), field, "must be 0 or more with at most 4 decimal places");
        return (long)(value * Scale);
    }

    /// <summary>An amount that was checked before.</summary>
    public static long? TenThousandths(decimal? amount) => (long?)(amount * Scale);

    public static decimal? Amount(long? tenThousandths) => tenThousandths / Scale;
}
