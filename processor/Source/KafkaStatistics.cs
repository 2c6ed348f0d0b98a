using System.Text.Json;
using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>Reads the client's statistics (STATISTICS.md of librdkafka).</summary>
internal static class KafkaStatistics
{
    private const int MaximumBrokers = 32;

    /// <summary>Null where the text is no statistics.</summary>
    public static KafkaUsage? Read(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var latencies = document.RootElement.GetProperty("brokers").EnumerateObject()
                .Select(broker => (Id: broker.Value.GetProperty("nodeid").GetInt32(), Micros: broker.Value.GetProperty("rtt").GetProperty("avg").GetInt64()))
                .Where(broker => broker.Id >= 0 && broker.Micros > 0)
                .OrderBy(broker => broker.Id).Take(MaximumBrokers)
                .Select(broker => (FormattableString.Invariant($"{broker.Id}"), broker.Micros / 1e6));
            return new KafkaUsage(document.RootElement.GetProperty("rx_bytes").GetInt64(), [.. latencies]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
