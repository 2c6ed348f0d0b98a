using Stockflow.Telemetry;

namespace Stockflow.Serve.Console;

/// <summary>Count sheets, and deciding on one.</summary>
internal sealed class CountPage(IConsoleCounts? counts, ILogger logger)
{
    private const int MaximumCursor = 2048, MaximumReason = 500;
    private const string All = "all";

    public Task ShowAsync(ConsoleRequest request) => ShowAsync(request, request.Query("done") switch
    {
        "approved" => "The count is approved.",
        "rejected" => "The count is rejected.",
        _ => null,
    }, null, 200);

    public Task ApproveAsync(ConsoleRequest request) => DecideAsync(request, "approve", "approved", (id, person) =>
    {
        var cause = request.Field("root_cause");
        return cause is null || counts!.RootCauses.Contains(cause)
            ? counts!.ApproveAsync(id, person, cause, request.Token)
            : Task.FromResult<string?>("there is no such cause.");
    });

    public Task RejectAsync(ConsoleRequest request) => DecideAsync(request, "reject", "rejected",
        (id, person) => counts!.RejectAsync(id, person, request.Field("reason", MaximumReason), request.Token));

    private async Task DecideAsync(ConsoleRequest request, string action, string done, Func<string, string, Task<string?>> decide)
    {
        var id = request.Required("id");
        if (counts is null || request.Person is not { } person)
        {
            await ShowAsync(request, null, counts is null ? null : CommandForms.NobodySaid, 409).ConfigureAwait(false);
            return;
        }

        var problem = await decide(id, person).ConfigureAwait(false);
        logger.ConsoleCommand(person, action, id, problem ?? "done");
        await (problem is null
            ? request.GoToAsync(Links.To(Links.Counts, ("state", request.Field("state")), ("done", done)))
            : ShowAsync(request, null, $"Count {id} was not {done}: {problem}", 409)).ConfigureAwait(false);
    }

    private async Task ShowAsync(ConsoleRequest request, string? notice, string? problem, int status)
    {
        var frame = request.Frame("Counts", Links.Counts, notice, problem);
        if (counts is null)
        {
            await request.ShowAsync<CountsView>(frame, new CountsModel(null, [], [], null), status).ConfigureAwait(false);
            return;
        }

        var wanted = request.Query("state");
        var state = wanted == All ? null : CommandForms.State(wanted, counts.States) ?? (counts.States is [var first, ..] ? first : null);
        var page = await CommandForms.ListAsync(() => counts.ListAsync(state, request.Query("cursor", MaximumCursor), request.Token)).ConfigureAwait(false);
        await request.ShowAsync<CountsView>(frame, new CountsModel(page, counts.States, counts.RootCauses, state), status).ConfigureAwait(false);
    }
}
