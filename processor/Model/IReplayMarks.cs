using System.Collections.Concurrent;

namespace Stockflow.Model;

/// <summary>Says that a dead letter was sent again.</summary>
/// <param name="At">When, milliseconds since 1970-01-01 UTC.</param>
/// <param name="IsSent">False from the decision until the broker has acknowledged it.</param>
/// <param name="Key">The caller's idempotency key.</param>
/// <param name="By">Who asked for it.</param>
public sealed record ReplayMark(long At, bool IsSent, string Key, string By);

/// <summary>What was replayed, by a name of the letter.</summary>
/// <remarks>Every call throws <see cref="StoreUnavailableException"/> where the store does not answer, and may be repeated.</remarks>
public interface IReplayMarks : IAsyncDisposable
{
    /// <summary>The marks of those that have one.</summary>
    Task<IReadOnlyDictionary<string, ReplayMark>> FindAsync(IReadOnlyList<string> letters, CancellationToken token);

    /// <summary>Marks a letter that has no mark; false where it has one.</summary>
    Task<bool> TryAddAsync(string letter, ReplayMark mark, CancellationToken token);

    /// <summary>Sets a letter's mark, whatever it was.</summary>
    Task SetAsync(string letter, ReplayMark mark, CancellationToken token);

    /// <summary>Takes a mark away.</summary>
    Task RemoveAsync(string letter, CancellationToken token);
}

/// <summary>Marks that are gone with the process, for a position store that is.</summary>
public sealed class MemoryReplayMarks : IReplayMarks
{
    private readonly ConcurrentDictionary<string, ReplayMark> marks = new(StringComparer.Ordinal);

    public Task<IReadOnlyDictionary<string, ReplayMark>> FindAsync(IReadOnlyList<string> letters, CancellationToken token)
    {
        var found = new Dictionary<string, ReplayMark>(StringComparer.Ordinal);
        foreach (var letter in letters)
        {
            if (marks.TryGetValue(letter, out var mark))
            {
                found[letter] = mark;
            }
        }

        return Task.FromResult<IReadOnlyDictionary<string, ReplayMark>>(found);
    }

    public Task<bool> TryAddAsync(string letter, ReplayMark mark, CancellationToken token) => Task.FromResult(marks.TryAdd(letter, mark));

    public Task SetAsync(string letter, ReplayMark mark, CancellationToken token)
    {
        marks[letter] = mark;
        return Task.CompletedTask;
    }

    public Task RemoveAsync(string letter, CancellationToken token)
    {
        marks.TryRemove(letter, out _);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
