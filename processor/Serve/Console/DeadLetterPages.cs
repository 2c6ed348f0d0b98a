using System.Globalization;
using Stockflow.Telemetry;

namespace Stockflow.Serve.Console;

/// <summary>The dead letters, one of them with its bytes, and sending one again.</summary>
internal sealed class DeadLetterPages(IDeadLetters? letters, ILogger logger)
{
    private const int Letters = 25, MaximumCursor = 8192;

    public async Task ListAsync(ConsoleRequest request)
    {
        var frame = request.Frame("Dead letters", Links.DeadLetters);
        if (letters is null)
        {
            await request.ShowAsync<DeadLettersView>(frame, new DeadLettersModel(null, null, true)).ConfigureAwait(false);
            return;
        }

        var text = request.Query("cursor", MaximumCursor);
        var before = text is null ? null : DeadLetterCursor.Read(text) ?? throw new BadInputException("This is no cursor. Begin with the first page.");
        var page = await letters.ListAsync(before, Letters, request.Token).ConfigureAwait(false);
        var next = DeadLetterCursor.Write(page.Next) is { } cursor ? Links.To(Links.DeadLetters, ("cursor", cursor)) : null;
        await request.ShowAsync<DeadLettersView>(frame, new DeadLettersModel(page.Letters, next, before is null)).ConfigureAwait(false);
    }

    public Task OneAsync(ConsoleRequest request)
    {
        var values = request.Context.Request.RouteValues;
        return OneAsync(request, int.Parse((string)values["partition"]!, CultureInfo.InvariantCulture),
            long.Parse((string)values["offset"]!, CultureInfo.InvariantCulture), request.Query("done") switch
            {
                "sent" => "The record was sent again.",
                "already" => "It had been sent before; nothing was sent now.",
                _ => null,
            }, null, 200);
    }

    public async Task ReplayAsync(ConsoleRequest request)
    {
        if (!int.TryParse(request.Required("partition"), NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
            || !long.TryParse(request.Required("offset"), NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
        {
            throw new BadInputException("partition and offset must be numbers.");
        }

        if (letters is null)
        {
            await ListAsync(request).ConfigureAwait(false);
            return;
        }

        var person = request.Person ?? "console";
        var answer = await letters.ReplayAsync(partition, offset, "console-" + Guid.NewGuid().ToString("N"), person, request.Token).ConfigureAwait(false);
        logger.ConsoleCommand(person, "replay", string.Create(CultureInfo.InvariantCulture, $"{partition}:{offset}"), answer.Outcome.ToString());
        await (answer is { Letter: { } letter, Outcome: ReplayOutcome.Sent or ReplayOutcome.AlreadySent }
            ? request.GoToAsync(Links.To(Links.ToLetter(letter), ("done", answer.Outcome == ReplayOutcome.Sent ? "sent" : "already")))
            : OneAsync(request, partition, offset, null, answer.Letter?.Obstacle is { } obstacle ? $"It can not be sent again: {obstacle}." : null, 409))
            .ConfigureAwait(false);
    }

    private async Task OneAsync(ConsoleRequest request, int partition, long offset, string? notice, string? problem, int status)
    {
        if (letters is null || await letters.FindAsync(partition, offset, request.Token).ConfigureAwait(false) is not { } letter)
        {
            await request.ShowAsync<MessagePage>(request.Frame("No such dead letter", Links.DeadLetters),
                new MessageModel($"There is no dead letter at partition {partition}, offset {offset}."), 404).ConfigureAwait(false);
            return;
        }

        await request.ShowAsync<DeadLetterView>(request.Frame("Dead letter", Links.DeadLetters, notice, problem), letter, status).ConfigureAwait(false);
    }
}
