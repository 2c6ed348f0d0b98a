using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Stockflow.IntegrationTests.Telemetry;

/// <summary>A span as a collector gets it.</summary>
public sealed record ReceivedSpan(string TraceId, string SpanId, string ParentId, string Name, long StartNanos, long EndNanos, IReadOnlyDictionary<string, string> Attributes);

/// <summary>
/// A collector that keeps spans: OTLP over HTTP (opentelemetry-proto, trace/v1/trace.proto), read here field by field so that it shares nothing
/// with what sends.
/// </summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication application;

    private OtlpReceiver(WebApplication application) => this.application = application;

    public ConcurrentQueue<ReceivedSpan> Spans { get; } = new();

    public string Endpoint => application.Urls.Single() + "/v1/traces";

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var application = builder.Build();
        var receiver = new OtlpReceiver(application);
        application.Run(receiver.TakeAsync);
        await application.StartAsync();
        return receiver;
    }

    public async ValueTask DisposeAsync() => await application.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        foreach (var resource in Messages(body.ToArray(), 1))
        {
            foreach (var scope in Messages(resource, 2))
            {
                foreach (var span in Messages(scope, 2))
                {
                    Spans.Enqueue(Read(span));
                }
            }
        }

        context.Response.ContentType = "application/x-protobuf";
    }

    private static ReceivedSpan Read(byte[] bytes)
    {
        var fields = Fields(bytes).ToLookup(field => field.Number);
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var attribute in fields[9])
        {
            var pair = Fields(attribute.Bytes).ToDictionary(field => field.Number);
            var value = Fields(pair[2].Bytes).Single();
            attributes[Text(pair[1])] = value.Number == 1 ? Text(value) : value.Value.ToString(CultureInfo.InvariantCulture);
        }

        return new ReceivedSpan(Hex(1), Hex(2), Hex(4), Text(fields[5].Single()), (long)fields[7].Single().Value, (long)fields[8].Single().Value, attributes);

        string Hex(int number) => Convert.ToHexStringLower(fields[number].SingleOrDefault().Bytes ?? []);
    }

    private static string Text((int Number, ulong Value, byte[] Bytes) field) => Encoding.UTF8.GetString(field.Bytes);

    private static IEnumerable<byte[]> Messages(byte[] bytes, int number) => Fields(bytes).Where(field => field.Number == number).Select(field => field.Bytes);

    private static IEnumerable<(int Number, ulong Value, byte[] Bytes)> Fields(byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var key = Varint();
            var number = (int)(key >> 3);
            switch (key & 7)
            {
                case 0:
                    yield return (number, Varint(), []);
                    break;
                case 1:
                    yield return (number, BitConverter.ToUInt64(bytes, at), []);
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint();
                    yield return (number, 0, bytes[at..(at + length)]);
                    at += length;
                    break;
                case 5:
                    yield return (number, BitConverter.ToUInt32(bytes, at), []);
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"Wire type {key & 7} at {at}.");
            }

            ulong Varint()
            {
                ulong value = 0;
                for (var shift = 0; ; shift += 7)
                {
                    var b = bytes[at++];
                    value |= (ulong)(b & 0x7F) << shift;
                    if (b < 0x80)
                    {
                        return value;
                    }
                }
            }
        }
    }
}
