using System.Globalization;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Stockflow.Embedded;

/// <summary>Answers one request: parses it, takes a place, runs it in a connection of its own and writes the answer.</summary>
/// <remarks>
/// A connection a request keeps settings, the current database and temporary tables apart at about half a millisecond each,
/// and drops what an error leaves in the engine's output buffer.
/// </remarks>
internal sealed class ChdbHandler(ChdbEngine engine, ChdbServerOptions options) : IDisposable
{
    private readonly SemaphoreSlim _queries = new(options.MaxConcurrentQueries);
    private readonly SemaphoreSlim _inserts = new(options.MaxConcurrentInserts);
    private long _tags;

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            var request = ChdbRequest.Read(context.Request, options, engine.SettingNames);
            context.Response.Headers["X-ClickHouse-Query-Id"] = request.QueryId;
            context.Response.Headers["X-ClickHouse-Server-Display-Name"] = "stockflow-embedded";
            context.Response.Headers["X-ClickHouse-Timezone"] = "UTC";
            await using var body = ChdbBody.Open(context.Request, request.Query, options);
            await RunAsync(context, request, body);
        }
        catch (ChdbException failure)
        {
            await FailAsync(context, failure.Error);
        }
        catch (BadHttpRequestException failure)
        {
            await FailAsync(context, failure.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? ChdbError.Of(ChdbError.TooLarge, "TOO_LARGE_BODY", $"the request's body is larger than {options.MaxBodyBytes} bytes")
                : ChdbError.Of(ChdbError.BadArguments, "BAD_ARGUMENTS", failure.Message));
        }
        catch (InvalidDataException failure)
        {
            await FailAsync(context, ChdbError.Of(ChdbError.BadArguments, "BAD_ARGUMENTS", "the body is not valid gzip: " + failure.Message));
        }
    }

    public void Dispose()
    {
        _queries.Dispose();
        _inserts.Dispose();
    }

    private async Task RunAsync(HttpContext context, ChdbRequest request, ChdbBody body)
    {
        var token = context.RequestAborted;
        await body.FillAsync(64 << 10, token);
        var statement = ChdbStatement.Parse(body.Head.Span);
        if (statement.Kind is not ChdbStatementKind.InsertData)
        {
            // An INSERT's data may be of any size and are streamed; any other statement has to be here whole.
            await body.FillAsync(options.MaxStatementBytes, token);
            if (!body.Ended && statement.Kind is not ChdbStatementKind.InsertWithoutFormat)
            {
                throw ChdbException.Of(ChdbError.SyntaxError, "SYNTAX_ERROR", $"Max query size exceeded: {options.MaxStatementBytes} bytes");
            }

            statement = ChdbStatement.Parse(body.Head.Span);
        }

        if (statement.Kind is ChdbStatementKind.InsertWithoutFormat)
        {
            // The query stands in the URL and the body is data in the format that the request names.
            statement = ChdbStatement.Parse(body.Head.Span[..body.QueryLength]) with { Format = request.Format ?? "Values", DataStart = body.QueryLength };
            if (statement.Kind is not ChdbStatementKind.InsertWithoutFormat)
            {
                throw ChdbException.Of(ChdbError.SyntaxError, "SYNTAX_ERROR", "INSERT needs VALUES, FORMAT or SELECT");
            }
        }

        if (statement.Refused is { } feature)
        {
            throw ChdbException.Of(ChdbError.NotImplemented, "NOT_IMPLEMENTED", $"The embedded ClickHouse has no {feature}");
        }

        if (statement.Kind is ChdbStatementKind.Empty)
        {
            throw ChdbException.Of(ChdbError.SyntaxError, "SYNTAX_ERROR", "Syntax error: failed at position 1: Empty query");
        }

        var insert = statement.Kind is ChdbStatementKind.InsertData or ChdbStatementKind.InsertWithoutFormat;
        var places = insert ? _inserts : _queries;
        if (!await places.WaitAsync(TimeSpan.FromSeconds(options.MaxWaitSeconds), token))
        {
            throw ChdbException.Of(ChdbError.TooManyQueries, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries");
        }

        try
        {
            var tag = Tag(request, insert);
            // The engine calls below can not be interrupted from here; a client that has gone is told to the engine itself.
            await using var aborted = token.Register(() => _ = Task.Run(() => engine.Kill(tag), CancellationToken.None));
            await Task.Run(() => insert
                ? InsertAsync(context, request, body, statement)
                : new ChdbQueryRunner(engine, context, request).RunAsync(body.Head, statement), CancellationToken.None);
        }
        finally
        {
            places.Release();
        }
    }

    private string Tag(ChdbRequest request, bool insert)
    {
        var given = request.Settings.FindIndex(setting => setting.Key == "log_comment");
        var tag = string.Create(CultureInfo.InvariantCulture, $"{request.QueryId} #{Interlocked.Increment(ref _tags)}");
        if (given >= 0)
        {
            tag = $"{request.Settings[given].Value} {tag}";
            request.Settings.RemoveAt(given);
        }

        request.Settings.Add(new("log_comment", tag));
        if (!insert)
        {
            AddDefault(request, "max_execution_time", options.QueryTimeoutSeconds);
            AddDefault(request, "max_result_bytes", options.MaxHeldResultBytes);
        }

        return tag;
    }

    private static void AddDefault(ChdbRequest request, string name, long value)
    {
        if (!request.Settings.Exists(setting => setting.Key == name))
        {
            request.Settings.Add(new(name, value.ToString(CultureInfo.InvariantCulture)));
        }
    }

    private async Task InsertAsync(HttpContext context, ChdbRequest request, ChdbBody body, ChdbStatement statement)
    {
        if (HttpMethods.IsGet(context.Request.Method))
        {
            throw ChdbException.Of(ChdbError.Readonly, "READONLY", "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries.");
        }

        using var connection = ChdbQueryRunner.Open(engine, request);
        using var insert = connection.Insert(body.Head.Span[..statement.HeadLength], statement.Format!, request.Parameters);
        var more = insert.Error is null && insert.Append(body.Head.Span[statement.DataStart..]);
        while (more && await body.NextAsync(context.RequestAborted))
        {
            more = insert.Append(body.Data.Span);
        }

        var statistics = insert.Finish();
        if (insert.Error is { } error)
        {
            throw new ChdbException(ChdbError.Parse(error));
        }

        ChdbQueryRunner.WriteSummary(context.Response, statistics);
        context.Response.ContentLength = 0;
    }

    private static async Task FailAsync(HttpContext context, ChdbError error)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = error.Status;
        context.Response.Headers["X-ClickHouse-Exception-Code"] = error.Code.ToString(CultureInfo.InvariantCulture);
        context.Response.Headers.Remove("Content-Encoding");
        context.Response.ContentType = "text/plain; charset=UTF-8";
        var text = Encoding.UTF8.GetBytes(error.Text + "\n");
        context.Response.ContentLength = text.Length;
        await context.Response.Body.WriteAsync(text, context.RequestAborted);
    }
}
