using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Serve.Console;

/// <summary>The console's paths, and what surrounds each of them: sign-in, protection of forms, and failures as pages.</summary>
internal sealed class ConsoleEndpoints(ConsoleServices services, ApiKeys? keys, IPositionReader positions, IHistoryReader history, Func<StatusPayload> status,
    TimeProvider time, ILogger logger)
{
    private const string SessionCookie = "stockflow-session";
    private const string SignIn = "/console/sign-in", SignOut = "/console/sign-out", Person = "/console/person";
    private const int MaximumKeyLength = 512, MaximumPathLength = 2048;
    private static readonly TimeSpan PersonLifetime = TimeSpan.FromDays(365);
    private readonly ConsoleAssets assets = new();
    private readonly ConsoleSessions sessions = new(time);

    public void Map(IEndpointRouteBuilder routes)
    {
        assets.Map(routes);
        var flow = new FlowPage(status, time);
        var stock = new StockPages(positions, history, time);
        var reservations = new ReservationPage(services.Reservations, logger);
        var counts = new CountPage(services.Counts, logger);
        var letters = new DeadLetterPages(services.DeadLetters, logger);
        Get(Links.Flow, flow.ShowAsync);
        Get("/console/live", flow.ShowPartAsync);
        Get(Links.Sku, stock.LookUpAsync);
        Get(Links.Explain, stock.ExplainAsync);
        Get(Links.Ledger, stock.LedgerAsync);
        Get(Links.Reservations, reservations.ShowAsync);
        Post(Links.Reservations + "/release", reservations.ReleaseAsync);
        Get(Links.Counts, counts.ShowAsync);
        Post(Links.Counts + "/approve", counts.ApproveAsync);
        Post(Links.Counts + "/reject", counts.RejectAsync);
        Get(Links.DeadLetters, letters.ListAsync);
        Get(Links.DeadLetters + "/{partition:int}/{offset:long}", letters.OneAsync);
        Post(Links.DeadLetters + "/replay", letters.ReplayAsync);
        Post(Person, RememberAsync);
        Post(SignIn, SignInAsync, isOpen: true);
        Post(SignOut, SignOutAsync);

        // Browsers ask for it unasked; a page has none.
        routes.MapMethods("/favicon.ico", ["GET"], context =>
        {
            (context.Response.StatusCode, context.Response.Headers.CacheControl) = (204, "public, max-age=86400");
            return Task.CompletedTask;
        });

        void Get(string path, Func<ConsoleRequest, Task> page) =>
            routes.MapMethods(path, ["GET", "HEAD"], context => AnswerAsync(context, page, isOpen: false));

        void Post(string path, Func<ConsoleRequest, Task> command, bool isOpen = false) =>
            routes.MapMethods(path, ["POST"], context => AnswerAsync(context, request => CommandAsync(request, command), isOpen));
    }

    private async Task AnswerAsync(HttpContext context, Func<ConsoleRequest, Task> answer, bool isOpen)
    {
        ConsoleRequest.Protect(context.Response);
        var session = context.Request.Cookies[SessionCookie];
        session = keys is not null && sessions.IsOpen(session) ? session : null;
        var request = new ConsoleRequest(context, assets, session is not null, session);
        try
        {
            if (keys is not null && session is null && !isOpen)
            {
                var wanted = HttpMethods.IsPost(context.Request.Method) ? Links.Flow : context.Request.Path + context.Request.QueryString;
                await ShowSignInAsync(request, wanted, null).ConfigureAwait(false);
                return;
            }

            await answer(request).ConfigureAwait(false);
        }
        catch (BadInputException e)
        {
            await FailAsync(request, 400, "This can not be answered", e.Message).ConfigureAwait(false);
        }
        catch (StoreUnavailableException e) when (!context.Response.HasStarted)
        {
            logger.HttpStoreUnavailable(e.Message);
            context.Response.Headers.RetryAfter = "5";
            await FailAsync(request, 503, "Not available now", "A server that this page needs does not answer. Try again in a moment.").ConfigureAwait(false);
        }
    }

    private static async Task CommandAsync(ConsoleRequest request, Func<ConsoleRequest, Task> command)
    {
        if (await request.ReadFormAsync().ConfigureAwait(false))
        {
            await command(request).ConfigureAwait(false);
            return;
        }

        await FailAsync(request, 403, "The form was refused",
            "It did not come from this console, or the page was open for too long. Go back, reload the page and send it again.").ConfigureAwait(false);
    }

    private static Task FailAsync(ConsoleRequest request, int status, string title, string text) =>
        request.ShowAsync<MessagePage>(request.Frame(title, ""), new MessageModel(text), status);

    private static Task ShowSignInAsync(ConsoleRequest request, string to, string? problem) =>
        request.ShowAsync<SignInPage>(request.Frame("Sign in", "", problem: problem), new SignInModel(Own(to)), StatusCodes.Status401Unauthorized);

    private async Task SignInAsync(ConsoleRequest request)
    {
        var to = Own(request.Field("to", MaximumPathLength) ?? Links.Flow);
        if (keys is not null && keys.FindKey(request.Field("key", MaximumKeyLength) ?? "") is null)
        {
            logger.ConsoleSignInRefused(request.Context.Connection.RemoteIpAddress?.ToString());
            await ShowSignInAsync(request, to, "There is no such key.").ConfigureAwait(false);
            return;
        }

        if (keys is not null)
        {
            request.Context.Response.Cookies.Append(SessionCookie, sessions.Start(), FormToken.Options(request.Context, ConsoleSessions.Lifetime));
        }

        await request.GoToAsync(to).ConfigureAwait(false);
    }

    private Task SignOutAsync(ConsoleRequest request)
    {
        if (request.Context.Request.Cookies[SessionCookie] is { } session)
        {
            sessions.End(session);
        }

        request.Context.Response.Cookies.Delete(SessionCookie, FormToken.Options(request.Context, null));
        return request.GoToAsync(Links.Flow);
    }

    private static Task RememberAsync(ConsoleRequest request)
    {
        var person = request.Required("person");
        if (!ConsoleRequest.IsPerson(person))
        {
            throw new BadInputException($"Your id has 1 to {Endpoints.MaximumIdLength} characters without control characters.");
        }

        request.Context.Response.Cookies.Append(ConsoleRequest.PersonCookie, person, FormToken.Options(request.Context, PersonLifetime));
        return request.GoToAsync(Own(request.Field("to", MaximumPathLength) ?? Links.Flow));
    }

    // A form must not send its reader to another site.
    private static string Own(string path) =>
        path.Length <= MaximumPathLength && path.StartsWith("/console/", StringComparison.Ordinal) && path.All(c => c is > ' ' and < '\x7f' and not '\\') ? path : Links.Flow;
}
