using System.Globalization;
using System.Text;
using System.Text.Json;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Changes of watched SKUs as server-sent events (WHATWG HTML, 9.2): an event <c>atp</c> for each position first, then for each that changed.
/// A follower that is slow misses values between, never the last one.
/// </summary>
internal sealed class AtpStream(CommandHttp http, AtpReader atp, StockOptions options, TimeProvider time)
{
    public const string Path = AtpEndpoints.Path + "/changes";
    private const int MaximumSkus = 100;

    /// <summary>Proxies close what is silent.</summary>
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(15);

    private int followers;

    public void Map(IEndpointRouteBuilder routes) => routes.MapMethods(Path, ["GET"], context => http.AnswerAsync(context, token => FollowAsync(context, token)));

    private async Task FollowAsync(HttpContext context, CancellationToken token)
    {
        var skus = context.Request.Query["sku"].Where(sku => !string.IsNullOrEmpty(sku)).Distinct().ToArray();
        RefusedCommandException.ThrowIf(skus.Length is 0 or > MaximumSkus || skus.Any(sku => sku!.Length > Endpoints.MaximumIdLength), "sku", $"must name 1 to {MaximumSkus} SKUs, as in {Path}?sku=A&sku=B");
        if (Interlocked.Increment(ref followers) > options.MaximumFollowers)
        {
            Interlocked.Decrement(ref followers);
            throw new RefusedCommandException(503, "too-many-followers", $"{options.MaximumFollowers} follow changes already (stock.maximumFollowers). Try again later.");
        }

        try
        {
            context.Response.ContentType = "text/event-stream";

            // Where nothing is known of the SKUs yet, the caller learns that it follows all the same.
            await context.Response.Body.FlushAsync(token).ConfigureAwait(false);
            var keys = skus.Select(sku => new PositionKey(sku!, "")).ToArray();
            var known = new Dictionary<PositionKey, AtpState>();
            var beat = time.GetTimestamp();
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.FollowMilliseconds), time);
            do
            {
                var text = await ChangesAsync(keys, known, token).ConfigureAwait(false);
                if (text.Length == 0 && time.GetElapsedTime(beat) < Beat)
                {
                    continue;
                }

                beat = time.GetTimestamp();
                await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text.Length == 0 ? ":\n\n" : text), token).ConfigureAwait(false);
                await context.Response.Body.FlushAsync(token).ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(token).ConfigureAwait(false));
        }
        finally
        {
            Interlocked.Decrement(ref followers);
        }
    }

    private async Task<string> ChangesAsync(PositionKey[] keys, Dictionary<PositionKey, AtpState> known, CancellationToken token)
    {
        long now;
        AtpAnswer[] answers;
        try
        {
            (now, answers) = await atp.ReadAsync(keys, dated: false, token).ConfigureAwait(false);
        }
        catch (StoreUnavailableException)
        {
            // The next look tells what has changed meanwhile.
            return "";
        }

        var text = new StringBuilder();
        foreach (var answer in answers)
        {
            foreach (var state in answer.States)
            {
                var key = new PositionKey(state.SkuId, state.LocationId);
                if (known.TryGetValue(key, out var former) && former == state)
                {
                    continue;
                }

                known[key] = state;
                text.Append(CultureInfo.InvariantCulture, $"event: atp\nid: {now}\ndata: {Data(state, now, answer.Lane)}\n\n");
            }
        }

        return text.ToString();
    }

    private static string Data(AtpState state, long now, AtpLane lane)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("sku_id", state.SkuId);
            AtpEndpoints.WriteShort(json, state, [], default);
            AtpEndpoints.WriteTimes(json, default, now, lane);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
