using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.Commands;

/// <summary><c>processor query</c>: positions and history from the terminal.</summary>
public static class QueryCommand
{
    public static Command Create() => new("query", $"""
        Ask for positions and history.

        Examples:
          processor query position 85123A
          processor query position 85123A 'United Kingdom' --json
          processor query position 85123A 'United Kingdom' --at 2026-03-01T12:00:00Z --known-at 2026-03-02
          processor query explain 85123A 'United Kingdom'
          processor query ledger 85123A --limit 20 --from 7d
          processor query tie-out --from 2026-02-01 --to 2026-03-01
          processor query sql 'SELECT movement_type, count() FROM ledger_current GROUP BY 1'

        {Peers.Help}

        {ExitCode.Help}
        """)
    {
        Position(), HistoryQueries.Explain(), HistoryQueries.Ledger(), TieOutQuery.Create(), Sql(),
    };

    private static Command Position()
    {
        var (sku, location) = (Sku(), Location());
        var (url, key, json) = (Peers.HttpUrl(), Peers.ApiKeyFile(), Json("Print the API's JSON."));
        var (at, knownAt) = (HistoryQueries.At(), HistoryQueries.KnownAt());
        var command = new Command("position", $"""
            What there is of a SKU, at one location or at all, as the processor's HTTP API has it. With --at or --known-at the position of one
            location at that time, as known at that time, from the ledger.

            {ExitCode.Help}
            """)
        {
            sku, location, at, knownAt, url, key, json,
        };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("query position", async () =>
        {
            var path = "v1/positions/" + Uri.EscapeDataString(parsed.GetRequiredValue(sku))
                + (parsed.GetValue(location) is { } place ? "/" + Uri.EscapeDataString(place) : "")
                + HistoryQueries.AsOfQuery(parsed.GetValue(at), parsed.GetValue(knownAt));
            var (code, body) = await AskAsync("query position", parsed.GetValue(url), path, parsed.GetValue(key), token).ConfigureAwait(false);
            if (code != ExitCode.Ok)
            {
                return code;
            }

            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(body).ConfigureAwait(false);
                return ExitCode.Ok;
            }

            Show(parsed.GetValue(location) is null
                ? JsonSerializer.Deserialize(body, ServeJson.Default.SkuPayload)!.Positions
                : [JsonSerializer.Deserialize(body, ServeJson.Default.PositionPayload)!], output);
            return ExitCode.Ok;
        }));
        return command;
    }

    private static Command Sql()
    {
        var sql = new Argument<string>("sql") { Description = "One SELECT statement." };
        var (url, json, limit) = (Peers.ClickHouseUrl(), Json("Print one JSON object a line, without a limit."), Limit(1000));
        var command = new Command("sql", $"Rows of any query on the history. The statement runs with your rights; nothing else guards it.\n\n{ExitCode.Help}")
        {
            sql, url, limit, json,
        };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("query sql", () => ShowAsync(parsed.GetValue(url), parsed.GetRequiredValue(sql),
            null, parsed.GetValue(limit), parsed.GetValue(json), parsed.InvocationConfiguration.Output, token)));
        return command;
    }

    internal static void Show(IReadOnlyList<PositionPayload> positions, TextWriter output)
    {
        var table = new TerminalTable("sku", "location", "available", "on hand", "unsellable", "reserved", "in", "out", "last event (UTC)", "last count (UTC)");
        table.Align(2, 3, 4, 5, 6, 7);
        foreach (var position in positions)
        {
            table.Add(position.SkuId, position.LocationId, Number(position.Available), Number(position.OnHand), Number(position.Unsellable),
                Number(position.Reserved), Number(position.InTransitIn), Number(position.InTransitOut), Time(position.LastEventTs), Time(position.LastCountTs));
        }

        table.Write(output);
    }

    internal static async Task<int> ShowAsync(string? url, string sql, IReadOnlyDictionary<string, object?>? parameters, int limit, bool json,
        TextWriter output, CancellationToken token)
    {
        using var client = Peers.ClickHouse(url);
        TerminalTable? table = null;
        var more = false;
        try
        {
            await foreach (var row in client.QueryAsync(sql, parameters, token).ConfigureAwait(false))
            {
                if (json)
                {
                    await output.WriteLineAsync(JsonOf(row)).ConfigureAwait(false);
                    continue;
                }

                table ??= TableOf(row.Columns);
                more = table.Rows == limit;
                if (more)
                {
                    break;
                }

                table.Add(row.Values.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText()));
            }
        }
        catch (ClickHouseException e) when (e.Code != 0 && !e.IsTransient)
        {
            throw new UsageException(e.Message);
        }
        catch (ClickHouseException e)
        {
            throw new StoreUnavailableException(e.Message, e);
        }

        table?.Write(output);
        if (!json)
        {
            await output.WriteLineAsync(more ? $"first {table!.Rows} rows; --limit shows more" : $"{table?.Rows ?? 0} rows").ConfigureAwait(false);
        }

        return ExitCode.Ok;
    }

    private static TerminalTable TableOf(IReadOnlyList<ClickHouseColumn> columns)
    {
        var table = new TerminalTable(columns.Select(column => column.Name));
        table.Align(columns.Index().Where(column => column.Item.Type.Contains("Int", StringComparison.Ordinal)
            || column.Item.Type.Contains("Decimal", StringComparison.Ordinal) || column.Item.Type.Contains("Float", StringComparison.Ordinal))
            .Select(column => column.Index));
        return table;
    }

    private static string JsonOf(ClickHouseRow row)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var (index, value) in row.Values.EnumerateArray().Index())
            {
                writer.WritePropertyName(row.Columns[index].Name);
                value.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>Asks the HTTP API; what it refuses is told on standard error.</summary>
    internal static async Task<(int Code, string Body)> AskAsync(string command, string? url, string path, string? keyFile, CancellationToken token)
    {
        var (status, body) = await GetAsync(Peers.Http(url), path, keyFile, token).ConfigureAwait(false);
        if (status == HttpStatusCode.OK)
        {
            return (ExitCode.Ok, body);
        }

        await Console.Error.WriteLineAsync($"{command}: {Detail(status, body)}").ConfigureAwait(false);
        return (status switch
        {
            HttpStatusCode.NotFound => ExitCode.CheckFailed,
            HttpStatusCode.BadRequest => ExitCode.Usage,
            _ => ExitCode.Unreachable,
        }, body);
    }

    private static async Task<(HttpStatusCode Status, string Body)> GetAsync(Uri server, string path, string? keyFile, CancellationToken token)
    {
        using var client = new HttpClient(new ConnectFailureHandler()) { BaseAddress = new Uri(server.ToString().TrimEnd('/') + "/"), Timeout = TimeSpan.FromSeconds(30) };
        if (keyFile is not null)
        {
            var key = File.Exists(keyFile) ? File.ReadLines(keyFile).FirstOrDefault(line => line.Length > 0 && line[0] != '#')?.Trim().Split(' ', '\t')[^1] : null;
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer",
                key ?? throw new SetupException($"--api-key-file '{keyFile}' holds no key"));
        }

        try
        {
            using var response = await client.GetAsync(new Uri(path, UriKind.Relative), token).ConfigureAwait(false);
            return (response.StatusCode, await response.Content.ReadAsStringAsync(token).ConfigureAwait(false));
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !token.IsCancellationRequested))
        {
            throw new StoreUnavailableException($"the HTTP API at {server} does not answer: {e.GetBaseException().Message}", e);
        }
    }

    private static string Detail(HttpStatusCode status, string body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, ServeJson.Default.ProblemPayload)!.Detail;
        }
        catch (JsonException)
        {
            return $"the server answers {(int)status}; is it a processor's HTTP API?";
        }
    }

    internal static Argument<string> Sku() => new("sku") { Description = "Stock keeping unit." };

    internal static Argument<string?> Location() => new("location") { Description = "Store or distribution centre; without it, all.", Arity = ArgumentArity.ZeroOrOne };

    internal static Option<bool> Json(string description) => new("--json") { Description = description };

    internal static Option<int> Limit(int value)
    {
        var limit = new Option<int>("--limit") { Description = "Rows to show.", HelpName = "n", DefaultValueFactory = _ => value };
        limit.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(int.TryParse(result.Tokens[0].Value, out var rows) && rows is >= 1 and <= 1_000_000))
            {
                result.AddError("--limit must be from 1 to 1000000.");
            }
        });
        return limit;
    }

    internal static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    internal static string Time(DateTime? value) => value?.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? "";
}
