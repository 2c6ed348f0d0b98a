using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>A document with the revision at which it was read.</summary>
internal sealed record Versioned<T>(T Value, long Revision);

/// <summary>A page of documents; <paramref name="Next"/> is the id to go on behind, null at the end.</summary>
internal sealed record DocumentPage<T>(IReadOnlyList<Versioned<T>> Items, string? Next);

/// <summary>One kind of document: how it is stored, and in which lists it stands.</summary>
/// <param name="kind">Its name, also in problem codes.</param>
/// <param name="type">Its JSON.</param>
/// <param name="id">Its id.</param>
/// <param name="lists">The lists in which it stands; the list <c>all</c> is added.</param>
/// <param name="due">When a sweep has to look at it, in milliseconds; 0 for never.</param>
internal sealed class DocumentKind<T>(string kind, JsonTypeInfo<T> type, Func<T, string> id, Func<T, IEnumerable<string>> lists, Func<T, long> due)
    where T : class
{
    public const string All = "all";

    public string Kind => kind;

    public byte[] Serialize(T document) => JsonSerializer.SerializeToUtf8Bytes(document, type);

    public async Task<Versioned<T>?> FindAsync(IStockStore store, string documentId, CancellationToken token) =>
        await store.FindAsync(kind, documentId, token).ConfigureAwait(false) is { } found ? Read(found) : null;

    /// <exception cref="RefusedCommandException">There is none.</exception>
    public async Task<Versioned<T>> GetAsync(IStockStore store, string documentId, CancellationToken token) =>
        await FindAsync(store, documentId, token).ConfigureAwait(false) ?? throw RefusedCommandException.NotFound(kind, documentId);

    public async Task<DocumentPage<T>> ListAsync(IStockStore store, string list, string? after, int limit, CancellationToken token)
    {
        var found = await store.ListAsync(kind, list, after, limit + 1, token).ConfigureAwait(false);
        return new DocumentPage<T>([.. found.Take(limit).Select(Read)], found.Count > limit ? found[limit - 1].Id : null);
    }

    /// <summary>The change from what was read (null for a new one) to <paramref name="now"/>.</summary>
    public DocumentWrite Write(T now, Versioned<T>? former)
    {
        var had = former is null ? [] : Lists(former.Value);
        var has = Lists(now);
        return new DocumentWrite(kind, id(now), former?.Revision ?? 0, Serialize(now)) { DueTs = due(now), Enters = [.. has.Except(had)], Leaves = [.. had.Except(has)] };
    }

    public DocumentWrite Delete(Versioned<T> former) => new(kind, id(former.Value), former.Revision, null) { Leaves = [.. Lists(former.Value)] };

    /// <summary>A plan that removes a document whose time has come, or the mention of one that is not there although a sweep was told of it.</summary>
    public Plan Remove(string documentId, Versioned<T>? former) => new(
        new StockTransaction
        {
            Documents = [former is null ? new DocumentWrite(kind, documentId, 0, null) : Delete(former)],
            FromTs = former is null ? 0 : due(former.Value),
        }, 200, []);

    /// <summary>A sweep that has nothing else to do than to remove what ended long ago; null where it is not due.</summary>
    public async Task<Plan?> SweepAsync(IStockStore store, string documentId, CancellationToken token)
    {
        var former = await FindAsync(store, documentId, token).ConfigureAwait(false);
        return former is not null && due(former.Value) == 0 ? null : Remove(documentId, former);
    }

    private HashSet<string> Lists(T document) => [All, .. lists(document)];

    private Versioned<T> Read(StockDocument found) => new(JsonSerializer.Deserialize(found.Body, type)!, found.Revision);
}
