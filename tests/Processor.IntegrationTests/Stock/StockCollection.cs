using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Stock;

/// <summary>The tests of commands run one after another, beside those of the pipeline.</summary>
[CollectionDefinition(Name)]
public sealed class StockCollection : ICollectionFixture<SharedClickHouse>
{
    public const string Name = "Stock";
}
