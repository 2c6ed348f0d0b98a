using System.Globalization;
using Stockflow.Commands;
using Stockflow.Embedded;

namespace Stockflow.Benchmarks;

/// <summary>Fills the topics of fresh servers before anything is measured.</summary>
internal static class Preload
{
    /// <summary>
    /// A producer of a load, connected; as fast as the listener takes it, and to its end, where no rate and no time is given.
    /// The listener goes through the batches that it keeps at each fetch, which no broker does: many small ones would cost it a core's third, so they linger.
    /// </summary>
    public static async Task<LoadProducer> OpenAsync(string bootstrap, GeneratorOptions load, CancellationToken token, double rate = 0, double seconds = 0, int lingerMilliseconds = 100) => new(new LoadOptions
    {
        Topic = Servers.Topic,
        ClientProperties = new Dictionary<string, string> { ["bootstrap.servers"] = bootstrap, ["linger.ms"] = lingerMilliseconds.ToString(CultureInfo.InvariantCulture) },
        Generator = load,
        EventsPerSecond = rate,
        Duration = TimeSpan.FromSeconds(seconds),
        SchemaId = await LoadSettings.SchemaIdsAsync(null, token),
    });

    /// <summary>Sends reference records and a whole load, and checks that the listener holds all of it.</summary>
    /// <returns>What the load must lead to, and the catalogue that it speaks of.</returns>
    public static async Task<(IndependentResult Expected, GeneratorCatalog Catalog)> SendAsync(Servers servers, GeneratorOptions load, CancellationToken token)
    {
        using var producer = await OpenAsync(servers.Bootstrap, load, token);
        await producer.SendReferenceAsync(token);
        var count = new IndependentCount(producer.Catalog);
        await producer.SendMovementsAsync(count, token);
        token.ThrowIfCancellationRequested();
        ResultCheck.ThrowIfRecordsAreGone(servers, producer);
        return (count.Result(), producer.Catalog);
    }
}
