using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>
/// Follows which records are done (acknowledged by the broker, rejected or skipped) and knows the last one up to which all are.
/// At most a window of records stands between that one and the newest. Completion may come from any thread and in any order.
/// </summary>
public sealed class AckTracker(int window, long doneRow) : IDisposable
{
    private readonly Lock gate = new();
    private readonly SemaphoreSlim room = new(window);
    private readonly bool[] done = new bool[window];
    private long contiguous = doneRow;
    private string? failure;
    private bool disposed;

    /// <summary>The last record up to which all are done.</summary>
    public long Contiguous
    {
        get
        {
            lock (gate)
            {
                return contiguous;
            }
        }
    }

    /// <summary>Waits until the next record, in order, fits the window.</summary>
    /// <exception cref="StoreUnavailableException">The broker refused an earlier record.</exception>
    public async ValueTask BeginAsync(CancellationToken token)
    {
        await room.WaitAsync(token);
        ThrowIfFailed();
    }

    public void Complete(long row)
    {
        lock (gate)
        {
            done[row % window] = true;
            var advanced = 0;
            while (done[(contiguous + 1) % window])
            {
                contiguous++;
                done[contiguous % window] = false;
                advanced++;
            }

            if (advanced > 0 && !disposed)
            {
                room.Release(advanced);
            }
        }
    }

    /// <summary>The broker did not take a record: nothing after it counts as done.</summary>
    public void Fail(string reason)
    {
        lock (gate)
        {
            failure ??= reason;
            if (!disposed)
            {
                room.Release();
            }
        }
    }

    /// <exception cref="StoreUnavailableException">The broker refused a record.</exception>
    public void ThrowIfFailed()
    {
        lock (gate)
        {
            if (failure is not null)
            {
                throw new StoreUnavailableException(failure);
            }
        }
    }

    /// <summary>Late acknowledgements may still come.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            room.Dispose();
        }
    }
}
