using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Where records go: Kafka, or a test.</summary>
public interface IImportTarget
{
    /// <summary>Hands over a record; waits while there is no room.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="key">The record's key.</param>
    /// <param name="value">The record's value.</param>
    /// <param name="done">Called once, from any thread: with null when the broker has the record, else with the reason for people.</param>
    /// <param name="token">Stops waiting.</param>
    ValueTask SendAsync(string topic, string key, byte[] value, Action<string?> done, CancellationToken token);

    /// <summary>Returns when every record handed over is acknowledged or given up.</summary>
    Task FlushAsync(CancellationToken token);
}
