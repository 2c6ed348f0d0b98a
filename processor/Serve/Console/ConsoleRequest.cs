using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http.Features;

namespace Stockflow.Serve.Console;

/// <summary>One request to the console: what it asks, who sends it, and the page that answers it.</summary>
internal sealed class ConsoleRequest(HttpContext context, ConsoleAssets assets, bool isSignedIn, string? session)
{
    public const string PersonCookie = "stockflow-person";
    private const int MaximumValues = 16;

    // Pages come from this site alone and run nothing but its one script; no other site may frame them.
    private const string Policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'";
    private IFormCollection? form;

    public HttpContext Context => context;

    public CancellationToken Token => context.RequestAborted;

    /// <summary>Who uses this browser, as the person said; null where nothing valid was said.</summary>
    public string? Person => context.Request.Cookies[PersonCookie] is { } value && IsPerson(value) ? value : null;

    public static bool IsPerson(string text) => text.Length is > 0 and <= Endpoints.MaximumIdLength && !text.Any(char.IsControl) && text == text.Trim();

    /// <summary>A parameter of the address, null where it is absent or empty.</summary>
    /// <exception cref="BadInputException">It stands twice or is too long.</exception>
    public string? Query(string name, int maximumLength = Endpoints.MaximumIdLength) => One(name, context.Request.Query[name], maximumLength);

    /// <summary>A field of the form, null where it is absent or empty.</summary>
    /// <exception cref="BadInputException">It stands twice or is too long.</exception>
    public string? Field(string name, int maximumLength = Endpoints.MaximumIdLength) => One(name, form![name], maximumLength);

    /// <summary>A field that must be there.</summary>
    public string Required(string name, int maximumLength = Endpoints.MaximumIdLength) =>
        Field(name, maximumLength) ?? throw new BadInputException($"{name} is missing.");

    /// <summary>Reads the form and checks that this console made it.</summary>
    public async Task<bool> ReadFormAsync()
    {
        if (context.Request.ContentType is not { } type || !type.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        try
        {
            form = await new FormFeature(context.Request, new FormOptions { ValueCountLimit = MaximumValues }).ReadFormAsync(Token).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            throw new BadInputException(e.Message);
        }

        return FormToken.Fits(context, session, form[FormToken.Field]);
    }

    public PageFrame Frame(string title, string section, string? notice = null, string? problem = null) => new(
        title, section, FormToken.Of(FormToken.Visitor(context), session), Person, isSignedIn, assets.StylePath, assets.ScriptPath, notice, problem);

    /// <summary>Answers with a page.</summary>
    public Task ShowAsync<TPage>(PageFrame frame, object? model, int status = 200)
        where TPage : IComponent
    {
        context.Response.StatusCode = status;
        var parameters = new Dictionary<string, object?> { ["Frame"] = frame };
        if (model is not null)
        {
            parameters["Model"] = model;
        }

        return WriteAsync<TPage>(parameters);
    }

    /// <summary>Answers with a part of a page.</summary>
    public Task ShowPartAsync<TPart>(object model)
        where TPart : IComponent => WriteAsync<TPart>(new Dictionary<string, object?> { ["Model"] = model });

    /// <summary>After a form was done: the browser asks for a page, so that a reload does not send the form again.</summary>
    public Task GoToAsync(string path)
    {
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.Location = path;
        return Task.CompletedTask;
    }

    public static void Protect(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XFrameOptions = "DENY";

        // Not no-referrer: browsers then send forms with the origin "null".
        response.Headers["Referrer-Policy"] = "same-origin";
    }

    private async Task WriteAsync<TComponent>(Dictionary<string, object?> parameters)
        where TComponent : IComponent
    {
        var services = context.RequestServices;
        await using var renderer = new HtmlRenderer(services, services.GetRequiredService<ILoggerFactory>());
        var html = await renderer.Dispatcher.InvokeAsync(async () =>
            (await renderer.RenderComponentAsync<TComponent>(ParameterView.FromDictionary(parameters)).ConfigureAwait(true)).ToHtmlString()).ConfigureAwait(false);
        await Problems.JsonAsync(context, Encoding.UTF8.GetBytes(html), "text/html; charset=utf-8", Token).ConfigureAwait(false);
    }

    private static string? One(string name, Microsoft.Extensions.Primitives.StringValues values, int maximumLength) => values.Count switch
    {
        0 => null,
        1 when values[0]!.Length <= maximumLength => values[0]!.Trim() is { Length: > 0 } text ? text : null,
        1 => throw new BadInputException($"{name} has more than {maximumLength} characters."),
        _ => throw new BadInputException($"{name} stands {values.Count} times."),
    };
}

/// <summary>What a person sent can not be used; the message says why.</summary>
internal sealed class BadInputException(string message) : Exception(message);
