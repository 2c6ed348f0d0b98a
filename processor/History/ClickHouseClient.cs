using System.IO.Compression;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>ClickHouse over its HTTP interface (https://clickhouse.com/docs/en/interfaces/http). Safe for use from several threads.</summary>
public sealed class ClickHouseClient : IClickHouse, IDisposable
{
    private const int UnknownFormat = 73, UnknownSetting = 115;

    // Looks at every condition and every group for what could be left out. For statements of many steps they are most of the planning, which is
    // most of the cost where rows are few; none of the project's statements gains by them. Servers before 25.2 do not know the first.
    private const string Planning = "&optimize_and_compare_chain=0&optimize_aggregators_of_group_by_keys=0&optimize_syntax_fuse_functions=0";

    private readonly ClickHouseOptions _options;
    private readonly HttpClient _http;
    private readonly RetryPolicy _retry;
    private readonly TimeProvider _time;
    private bool _hasRowFormat = true, _hasPlanning = true;

    public ClickHouseClient(ClickHouseOptions options, TimeProvider? time = null)
        : this(options, CreateHandler(options), time ?? TimeProvider.System)
    {
    }

    internal ClickHouseClient(ClickHouseOptions options, HttpMessageHandler handler, TimeProvider time)
    {
        options.Validate();
        _options = options;
        _time = time;
        _retry = new RetryPolicy(options, time, Random.Shared.NextDouble);
        _http = new HttpClient(new ConnectFailureHandler(handler)) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Add("X-ClickHouse-User", options.User);
        if (options.Secret.Length > 0)
        {
            _http.DefaultRequestHeaders.Add("X-ClickHouse-Key", options.Secret);
        }
    }

    public string Database => _options.Database;

    public async Task EnsureDatabaseAsync(CancellationToken token = default)
    {
        var sql = $"CREATE DATABASE IF NOT EXISTS {ClickHouseValues.Identifier(_options.Database.Replace(".", "\\.", StringComparison.Ordinal))}";
        (await SendAsync(() => Text(Address("default", null), sql), HttpCompletionOption.ResponseContentRead, token)).Dispose();
    }

    public async Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default)
    {
        // The server holds its answer back until the statement has ended, so an error is never half an answer.
        (await SendAsync(() => Text(Address(_options.Database, parameters, ("wait_end_of_query", "1")), sql), HttpCompletionOption.ResponseContentRead, token)).Dispose();
    }

    public async IAsyncEnumerable<ClickHouseRow> QueryAsync(
        string sql, IReadOnlyDictionary<string, object?>? parameters = null, [EnumeratorCancellation] CancellationToken token = default)
    {
        HttpResponseMessage? response = null;
        if (_hasRowFormat)
        {
            try
            {
                response = await AskAsync(sql, parameters, ClickHouseRows.StreamFormat, token);
            }
            catch (ClickHouseException failure) when (failure.Code == UnknownFormat)
            {
                // Servers before 20.x: their rows come as one JSON document.
                _hasRowFormat = false;
            }
        }

        var streamed = response is not null;
        using var answer = response ?? await AskAsync(sql, parameters, ClickHouseRows.WholeFormat, token);
        await using var body = await answer.Content.ReadAsStreamAsync(token);
        await foreach (var row in streamed ? ClickHouseRows.StreamAsync(body, _options.Url, token) : ClickHouseRows.WholeAsync(body, token))
        {
            yield return row;
        }
    }

    public async Task<T?> QueryScalarAsync<T>(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default)
    {
        await foreach (var row in QueryAsync(sql, parameters, token))
        {
            return row.Get<T>(0);
        }

        return default;
    }

    public Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, IReadOnlyList<ReadOnlyMemory<byte>> data, CancellationToken token = default) =>
        InsertAsync(table, columns, format, async (stream, stop) =>
        {
            foreach (var piece in data)
            {
                await stream.WriteAsync(piece, stop);
            }
        }, token);

    public async Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, Func<Stream, CancellationToken, Task> write, CancellationToken token = default)
    {
        var list = columns.Count == 0 ? "" : $" ({string.Join(", ", columns.Select(ClickHouseValues.Identifier))})";
        var sql = $"INSERT INTO {ClickHouseValues.Identifier(table)}{list} FORMAT {format}";
        using var response = await SendAsync(() =>
        {
            var address = Address(_options.Database, null, ("query", sql), ("wait_end_of_query", "1"));
            var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new WriterContent(write, _options.Gzip) };
            if (_options.Gzip)
            {
                request.Content.Headers.ContentEncoding.Add("gzip");
            }

            return request;
        }, HttpCompletionOption.ResponseContentRead, token);
        return ReadSummary(response);
    }

    public void Dispose() => _http.Dispose();

    private static SocketsHttpHandler CreateHandler(ClickHouseOptions options)
    {
        options.Validate();
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(options.ConnectTimeoutSeconds),
            AutomaticDecompression = options.Gzip ? DecompressionMethods.GZip : DecompressionMethods.None,
            // A server behind a load balancer moves; connections are not kept for ever.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseProxy = false,
            AllowAutoRedirect = false,
        };
        if (options.CaFile is { } file)
        {
            handler.SslOptions.CertificateChainPolicy = OwnAuthorities.Policy(file, "clickhouse.caFile");
        }

        return handler;
    }

    private static InsertSummary ReadSummary(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("X-ClickHouse-Summary", out var values))
        {
            return default;
        }

        using var summary = JsonDocument.Parse(values.First());
        return new InsertSummary(Count("written_rows"), Count("written_bytes"));

        long Count(string name) => summary.RootElement.TryGetProperty(name, out var value) ? ClickHouseValues.Read<long>(value) : 0;
    }

    private Uri Address(string database, IReadOnlyDictionary<string, object?>? parameters, params ReadOnlySpan<(string Name, string Value)> more)
    {
        var query = new StringBuilder("?database=").Append(Uri.EscapeDataString(database));
        foreach (var (name, value) in more)
        {
            query.Append('&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }

        query.Append(_hasPlanning ? Planning : "");
        foreach (var (name, value) in _options.Settings)
        {
            query.Append('&').Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
        }

        foreach (var (name, value) in parameters ?? new Dictionary<string, object?>())
        {
            query.Append("&param_").Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(ClickHouseValues.ToParameter(value)));
        }

        if (_options.Gzip)
        {
            query.Append("&enable_http_compression=1");
        }

        return new Uri(_options.Url, "/" + query);
    }

    private static HttpRequestMessage Text(Uri address, string sql) => new(HttpMethod.Post, address) { Content = new StringContent(sql, Encoding.UTF8) };

    private Task<HttpResponseMessage> AskAsync(string sql, IReadOnlyDictionary<string, object?>? parameters, string format, CancellationToken token) =>
        SendAsync(() => Text(Address(_options.Database, parameters, ("default_format", format)), sql), HttpCompletionOption.ResponseHeadersRead, token);

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> create, HttpCompletionOption completion, CancellationToken token)
    {
        try
        {
            return await _retry.RunAsync(stop => SendOnceAsync(create, completion, stop), token);
        }
        catch (ClickHouseException failure) when (failure.Code == UnknownSetting)
        {
            _hasPlanning = false;
            return await _retry.RunAsync(stop => SendOnceAsync(create, completion, stop), token);
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(Func<HttpRequestMessage> create, HttpCompletionOption completion, CancellationToken token)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(_options.RequestTimeoutSeconds), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(token, limit.Token);
        using var request = create();
        HttpResponseMessage? response = null;
        try
        {
            response = await _http.SendAsync(request, completion, either.Token);
            var code = response.Headers.TryGetValues("X-ClickHouse-Exception-Code", out var codes) ? codes.First() : null;
            if (response.IsSuccessStatusCode && code is null)
            {
                if (completion is HttpCompletionOption.ResponseContentRead)
                {
                    await RefuseExceptionAsync(response, either.Token);
                }

                return response;
            }

            throw ClickHouseException.Parse(response.StatusCode, code, await response.Content.ReadAsStringAsync(either.Token));
        }
        catch (Exception failure)
        {
            response?.Dispose();
            if (failure is OperationCanceledException && !token.IsCancellationRequested)
            {
                throw ClickHouseException.Unreachable(_options.Url, $"no answer in {_options.RequestTimeoutSeconds} s", failure);
            }

            if (failure is HttpRequestException or IOException)
            {
                throw ClickHouseException.Unreachable(_options.Url, failure.InnerException?.Message ?? failure.Message, failure);
            }

            throw;
        }
    }

    /// <summary>A statement may fail after the server has sent status 200; then the body tells.</summary>
    private static async Task RefuseExceptionAsync(HttpResponseMessage response, CancellationToken token)
    {
        if (response.Content.Headers.ContentLength is 0)
        {
            return;
        }

        var text = await response.Content.ReadAsStringAsync(token);
        if (ClickHouseException.IsExceptionText(text))
        {
            throw ClickHouseException.Parse(response.StatusCode, null, text);
        }
    }

    private sealed class WriterContent(Func<Stream, CancellationToken, Task> write, bool gzip) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken token)
        {
            if (!gzip)
            {
                await write(stream, token);
                return;
            }

            await using var compressed = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true);
            await write(compressed, token);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
