using Stockflow.History;
using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Quality;

/// <summary>The tests of lineage and of quality rules share one ClickHouse, each with a database of its own.</summary>
[CollectionDefinition(Name)]
public sealed class QualityCollection : ICollectionFixture<SharedClickHouse>
{
    public const string Name = "Quality";

    internal static async Task<ClickHouseClient> MigratedAsync(SharedClickHouse shared)
    {
        var database = shared.NewDatabase();
        var client = shared.Server.Client(options => options with { Database = database });
        await new Migrations(client, Migrations.DefaultFolder).ApplyAsync();
        return client;
    }
}
