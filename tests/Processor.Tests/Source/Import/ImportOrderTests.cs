using Stockflow.Model;
using Stockflow.Source.Import;
using Xunit;

namespace Stockflow.Tests.Source.Import;

public sealed class ImportOrderTests : IDisposable
{
    private static readonly Pseudonyms Key = new("a key of more than 16 characters");
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("stockflow-import-order-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Another_order_sends_the_same_bytes_after_the_reference_records()
    {
        const int Rows = 5_000;
        var plain = new MemoryImportTarget();
        await ImportAsync(plain, Rows, ImportOrder.File);
        var (reverse, shuffled, again, other) = (new MemoryImportTarget(), new MemoryImportTarget(), new MemoryImportTarget(), new MemoryImportTarget());
        var summary = await ImportAsync(reverse, Rows, ImportOrder.Reverse);
        await ImportAsync(shuffled, Rows, ImportOrder.Shuffled, 7);
        await ImportAsync(again, Rows, ImportOrder.Shuffled, 7);
        await ImportAsync(other, Rows, ImportOrder.Shuffled, 8);

        Assert.Equal((Rows, Rows, Rows / 10), (summary.Rows, summary.Sent, summary.CancellationsTied));
        Assert.Equal(plain.Lines(), reverse.Lines().AsEnumerable().Reverse());
        Assert.Equal(plain.Lines().Order(StringComparer.Ordinal), shuffled.Lines().Order(StringComparer.Ordinal));
        Assert.Equal(shuffled.Lines(), again.Lines());
        Assert.NotEqual(shuffled.Lines(), other.Lines());
        Assert.All([reverse, shuffled], target => Assert.Equal(plain.Sent.Take(5).Select(record => record.Topic), target.Sent.Take(5).Select(record => record.Topic)));

        // Hardly a record follows the one that it follows in the file.
        var places = plain.Lines().Select((line, place) => (line, place)).ToDictionary(entry => entry.line, entry => entry.place);
        var found = shuffled.Lines().ConvertAll(line => places[line]);
        Assert.InRange(Enumerable.Range(1, Rows - 1).Count(i => found[i] == found[i - 1] + 1), 0, 20);
    }

    [Fact]
    public async Task An_import_in_another_order_that_broke_off_starts_over_and_so_does_one_after_it()
    {
        const int Rows = 1_000;
        await Assert.ThrowsAsync<StoreUnavailableException>(() => ImportAsync(new MemoryImportTarget { FailsAfter = 600 }, Rows, ImportOrder.Reverse));
        var (plain, reverse) = (new MemoryImportTarget(), new MemoryImportTarget());
        var summary = await ImportAsync(plain, Rows, ImportOrder.File);
        Assert.Equal((Rows, 0), (summary.Sent, summary.SentBefore));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => ImportAsync(new MemoryImportTarget { FailsAfter = 600 }, Rows, ImportOrder.File));
        summary = await ImportAsync(reverse, Rows, ImportOrder.Reverse);
        Assert.Equal((Rows, 0), (summary.Sent, summary.SentBefore));
        Assert.Equal(plain.Lines(), reverse.Lines().AsEnumerable().Reverse());
    }

    private Task<ImportSummary> ImportAsync(MemoryImportTarget target, int rows, ImportOrder order, long seed = 1)
    {
        var file = Path.Combine(folder.FullName, "retail.csv");
        File.WriteAllText(file, ImportText.Retail(rows));
        var options = MemoryImportTarget.Options(folder.CreateSubdirectory("state").FullName) with { Order = order, Seed = seed, Window = 64 };
        return new FileImport(file, MappingParser.Load("online-retail"), Key, options, target, TimeProvider.System).RunAsync(CancellationToken.None);
    }
}
