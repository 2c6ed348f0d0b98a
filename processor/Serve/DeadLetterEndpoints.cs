using System.Globalization;
using System.Text.Json;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Serve;

/// <summary>The dead letters as JSON: pages, one letter, and sending one again.</summary>
internal sealed class DeadLetterEndpoints(IDeadLetters? letters, ILogger logger)
{
    private const string Json = "application/json";
    private const int DefaultLimit = 25, MaximumLimit = 100, MaximumKeyLength = 128;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/v1/dead-letters", ["GET", "HEAD"], context => GuardAsync(context, ListAsync));
        routes.MapMethods("/v1/dead-letters/{partition:int}/{offset:long}", ["GET", "HEAD"], context => GuardAsync(context, OneAsync));
        routes.MapMethods("/v1/dead-letters/{partition:int}/{offset:long}/replay", ["POST"], context => GuardAsync(context, ReplayAsync));
    }

    private async Task GuardAsync(HttpContext context, Func<HttpContext, IDeadLetters, Task> answer)
    {
        try
        {
            await answer(context, letters ?? throw new StoreUnavailableException("this process reads no dead letters")).ConfigureAwait(false);
        }
        catch (StoreUnavailableException e)
        {
            logger.DeadLettersUnavailable(e.Message);
            context.Response.Headers.RetryAfter = "5";
            await Problems.WriteAsync(context, 503, "dead-letters-unavailable", "The dead letters can not be read or sent now. Try again.", context.RequestAborted)
                .ConfigureAwait(false);
        }
    }

    private static async Task ListAsync(HttpContext context, IDeadLetters letters)
    {
        var query = context.Request.Query;
        var limit = DefaultLimit;
        if (query.ContainsKey("limit")
            && !(int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is >= 1 and <= MaximumLimit))
        {
            await BadAsync(context, $"limit must be a number from 1 to {MaximumLimit}.").ConfigureAwait(false);
            return;
        }

        IReadOnlyDictionary<int, long>? before = null;
        if (query.ContainsKey("cursor") && (before = DeadLetterCursor.Read(query["cursor"].ToString())) is null)
        {
            await BadAsync(context, "cursor is not one that this API gave: take it from 'next'.").ConfigureAwait(false);
            return;
        }

        var page = await letters.ListAsync(before, limit, context.RequestAborted).ConfigureAwait(false);
        var payload = new DeadLettersPayload([.. page.Letters.Select(DeadLetterPayload.Of)], DeadLetterCursor.Write(page.Next));
        await Problems.JsonAsync(context, JsonSerializer.SerializeToUtf8Bytes(payload, ServeJson.Default.DeadLettersPayload), Json, context.RequestAborted)
            .ConfigureAwait(false);
    }

    private static async Task OneAsync(HttpContext context, IDeadLetters letters)
    {
        var (partition, offset) = Place(context);
        await (await letters.FindAsync(partition, offset, context.RequestAborted).ConfigureAwait(false) is { } letter
            ? WriteAsync(context, DeadLetterPayload.Of(letter))
            : NotFoundAsync(context, partition, offset)).ConfigureAwait(false);
    }

    private static async Task ReplayAsync(HttpContext context, IDeadLetters letters)
    {
        var (partition, offset) = Place(context);
        var key = context.Request.Headers["Idempotency-Key"].ToString();
        if (key.Length == 0)
        {
            await Problems.WriteAsync(context, 400, "idempotency-key-missing", "Send a header Idempotency-Key with a text of your own for this replay.",
                context.RequestAborted).ConfigureAwait(false);
            return;
        }

        if (key.Length > MaximumKeyLength)
        {
            await BadAsync(context, $"Idempotency-Key has more than {MaximumKeyLength} characters.").ConfigureAwait(false);
            return;
        }

        var answer = await letters.ReplayAsync(partition, offset, key, "api", context.RequestAborted).ConfigureAwait(false);
        await (answer switch
        {
            { Outcome: ReplayOutcome.NotFound } or { Letter: null } => NotFoundAsync(context, partition, offset),
            { Outcome: ReplayOutcome.Refused } => Problems.WriteAsync(context, 409, "dead-letter-not-replayable",
                $"The letter can not be sent again: {answer.Letter.Obstacle}.", context.RequestAborted),
            _ => WriteAsync(context, DeadLetterPayload.Of(answer.Letter)),
        }).ConfigureAwait(false);
    }

    private static (int Partition, long Offset) Place(HttpContext context) =>
        (int.Parse((string)context.Request.RouteValues["partition"]!, CultureInfo.InvariantCulture),
            long.Parse((string)context.Request.RouteValues["offset"]!, CultureInfo.InvariantCulture));

    private static Task WriteAsync(HttpContext context, DeadLetterPayload payload) =>
        Problems.JsonAsync(context, JsonSerializer.SerializeToUtf8Bytes(payload, ServeJson.Default.DeadLetterPayload), Json, context.RequestAborted);

    private static Task NotFoundAsync(HttpContext context, int partition, long offset) => Problems.WriteAsync(context, 404, "dead-letter-not-found",
        FormattableString.Invariant($"There is no dead letter {partition}:{offset}."), context.RequestAborted);

    private static Task BadAsync(HttpContext context, string detail) => Problems.WriteAsync(context, 400, "bad-parameter", detail, context.RequestAborted);
}
