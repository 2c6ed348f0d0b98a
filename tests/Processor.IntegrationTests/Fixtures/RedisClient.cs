using StackExchange.Redis;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>A test's own connection to its Redis.</summary>
public sealed class RedisClient(ConnectionMultiplexer connection, string endpoint) : IDisposable
{
    public IDatabase Database => connection.GetDatabase();

    public IServer Server => connection.GetServer(endpoint);

    // Without goodbyes: the client waits for an answer that the server does not always send before it closes.
    public void Dispose() => connection.Close(allowCommandsToComplete: false);
}
