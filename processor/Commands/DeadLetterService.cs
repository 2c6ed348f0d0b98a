using System.Text;
using Stockflow.Decode;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.Commands;

/// <summary>The dead letters for the API and the console: pages, one letter, and sending one again once.</summary>
internal sealed class DeadLetterService(DeadLetterTopic topic, ISchemaSource schemas, IReplayMarks marks, TimeProvider time) : IDeadLetters, IDisposable
{
    /// <summary>A reading holds a consumer and its thread.</summary>
    private const int MaximumReadings = 4;
    private const int PreviewBytes = 256, MaximumText = 1024;

    /// <summary>Longer than the producer's own time limit: a mark that says "sending" for longer was left by a process that died.</summary>
    private static readonly TimeSpan SendingAtMost = TimeSpan.FromMinutes(2);

    private readonly SemaphoreSlim readings = new(MaximumReadings);

    public async Task<DeadLetterPage> ListAsync(IReadOnlyDictionary<int, long>? before, int limit, CancellationToken token)
    {
        IReadOnlyList<DeadLetterWindow<Read>> windows;
        try
        {
            windows = await ReadAsync(stop => topic.Latest(before, limit, Summary, stop), token);
        }
        catch (SetupException)
        {
            // The first dead letter creates the topic.
            return new DeadLetterPage([], null);
        }

        var page = DeadLetterMerge.Take(windows, limit, read => read.Letter.FailedAt, out var next);
        var replayed = await marks.FindAsync([.. page.Select(read => read.Name)], token);
        return new DeadLetterPage([.. page.Select(read => read.Letter with { Replay = Replay(replayed.GetValueOrDefault(read.Name)) })], next);
    }

    public async Task<DeadLetterDetail?> FindAsync(int partition, long offset, CancellationToken token)
    {
        if (await LetterAsync(partition, offset, token) is not { } letter)
        {
            return null;
        }

        var read = Summary(letter);
        var mark = (await marks.FindAsync([read.Name], token)).GetValueOrDefault(read.Name);
        return new DeadLetterDetail(read.Letter with { Replay = Replay(mark) }, letter.Value,
            [.. letter.AllHeaders.Select(header => KeyValuePair.Create(header.Name, header.Value is null ? null : Encoding.UTF8.GetString(header.Value)))],
            DeadLetterView.Hex(letter.Value ?? []), await DeadLetterView.DecodeAsync(letter, schemas, token));
    }

    public async Task<ReplayAnswer> ReplayAsync(int partition, long offset, string key, string performedBy, CancellationToken token)
    {
        if (await LetterAsync(partition, offset, token) is not { } letter)
        {
            return new ReplayAnswer(ReplayOutcome.NotFound, null);
        }

        var read = Summary(letter);
        if (read.Letter.Obstacle is not null)
        {
            return new ReplayAnswer(ReplayOutcome.Refused, read.Letter);
        }

        // Marked before it is sent, so that of two presses at once one sends.
        var mark = new ReplayMark(time.GetUtcNow().ToUnixTimeMilliseconds(), IsSent: false, key, performedBy);
        if (!await marks.TryAddAsync(read.Name, mark, token))
        {
            var standing = (await marks.FindAsync([read.Name], token)).GetValueOrDefault(read.Name);
            if (standing is { IsSent: true } || (standing is not null && mark.At - standing.At < SendingAtMost.TotalMilliseconds))
            {
                return new ReplayAnswer(ReplayOutcome.AlreadySent, read.Letter with { Replay = Replay(standing) });
            }

            // Should two take it over at once, the record is sent twice and its event counts once.
            await marks.SetAsync(read.Name, mark, token);
        }

        // Once begun it ends in a mark, though the caller may go away.
        var sent = await SendAsync(letter, read.Name, mark).WaitAsync(token);
        return new ReplayAnswer(ReplayOutcome.Sent, read.Letter with { Replay = Replay(sent) });
    }

    public void Dispose() => readings.Dispose();

    private async Task<ReplayMark> SendAsync(DeadLetter letter, string name, ReplayMark mark)
    {
        try
        {
            await topic.SendAsync([letter], CancellationToken.None);
        }
        catch (StoreUnavailableException)
        {
            await marks.RemoveAsync(name, CancellationToken.None);
            throw;
        }

        mark = mark with { IsSent = true };
        await marks.SetAsync(name, mark, CancellationToken.None);
        return mark;
    }

    private async Task<DeadLetter?> LetterAsync(int partition, long offset, CancellationToken token)
    {
        // The client takes numbers below zero for names: -2 reads the partition from its beginning.
        if (partition < 0 || offset < 0)
        {
            return null;
        }

        try
        {
            return await ReadAsync(stop => topic.Find(partition, offset, stop), token);
        }
        catch (SetupException)
        {
            return null;
        }
    }

    // The client blocks its thread; the caller's time limit holds though a call to the broker does not end with it.
    private async Task<T> ReadAsync<T>(Func<CancellationToken, T> read, CancellationToken token)
    {
        await readings.WaitAsync(token);
        var reading = OwnThreads.RunAsync(() =>
        {
            try
            {
                return read(token);
            }
            finally
            {
                readings.Release();
            }
        });
        return await reading.WaitAsync(token);
    }

    private Read Summary(DeadLetter letter)
    {
        var summary = new DeadLetterSummary(letter.Partition, letter.Offset, letter.FailedAt, Short(letter.Reason), Short(letter.Stage), Short(letter.Message),
            letter.SourceTopic, Short(letter.Source), letter.Key is null ? null : Short(Encoding.UTF8.GetString(letter.Key)), letter.Value?.Length ?? 0,
            DeadLetterView.Hex((letter.Value ?? []).AsSpan(0, Math.Min(letter.Value?.Length ?? 0, PreviewBytes))), letter.Obstacle(topic.Name), null);

        // With the time: a topic that was made anew has other letters at the same offsets.
        return new Read(FormattableString.Invariant(
            $"{topic.Name}:{letter.Partition}:{letter.Offset}:{new DateTimeOffset(letter.Timestamp).ToUnixTimeMilliseconds()}"), summary);
    }

    private static string Short(string text) => text.Length <= MaximumText ? text : text[..MaximumText] + "...";

    private static DeadLetterReplay? Replay(ReplayMark? mark) =>
        mark is null ? null : new DeadLetterReplay(DateTime.UnixEpoch.AddMilliseconds(mark.At), mark.By, mark.Key, mark.IsSent);

    private sealed record Read(string Name, DeadLetterSummary Letter);
}
