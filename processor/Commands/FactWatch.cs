using Stockflow.Decode;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary>
/// Applies the facts of a topic with little traffic to the documents of commands, and sends what can not be read, or names what the
/// reference topics do not know, to the dead letters.
/// </summary>
/// <param name="stage">Its name in the dead letters.</param>
/// <param name="read">Reads a record.</param>
/// <param name="check">Why a fact can not be applied; <see cref="RejectReason.None"/> where it can.</param>
/// <param name="apply">Applies a fact; applying it again changes nothing.</param>
/// <param name="refresh">Reads the reference topics to their end.</param>
internal sealed class FactWatch<T>(
    string stage, Func<SourceRecord, CancellationToken, ValueTask<DecodedFact<T>>> read, Func<T, (RejectReason Reason, string Message)> check,
    Func<T, CancellationToken, Task> apply, Func<CancellationToken, Task> refresh, DeadLetterWriter deadLetters, TimeProvider time, ILogger logger)
    where T : class
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(1);

    /// <summary>Ends when all records are applied, however long the store is away.</summary>
    public async Task ApplyAsync(IReadOnlyList<SourceRecord> records, CancellationToken token)
    {
        foreach (var record in records)
        {
            var result = await read(record, token);
            if (result.Fact is not { } fact)
            {
                await deadLetters.WriteAsync(record, new Rejection(0, stage, result.Reason, result.Message, result.SchemaId), token);
                continue;
            }

            var (reason, message) = check(fact);
            if (reason != RejectReason.None)
            {
                // It may have been published after the last look.
                await refresh(token);
                (reason, message) = check(fact);
            }

            if (reason != RejectReason.None)
            {
                await deadLetters.WriteAsync(record, new Rejection(0, stage, reason, message, result.SchemaId), token);
                continue;
            }

            await ApplyAsync(fact, token);
        }
    }

    private async Task ApplyAsync(T fact, CancellationToken token)
    {
        while (true)
        {
            try
            {
                await apply(fact, token);
                return;
            }
            catch (StoreUnavailableException e)
            {
                logger.StockWaits(stage, e.Message);
                await Task.Delay(Wait, time, token);
            }
        }
    }
}
