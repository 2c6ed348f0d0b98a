using System.Globalization;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// Replayed dead letters in one hash, <c>PREFIX:replayed</c>: the letter's name to <c>AT|sent or sending|KEY|BY</c>, the last two escaped.
/// It grows by what people replay, about 100 bytes each.
/// </summary>
internal sealed class RedisReplayMarks(PositionOptions options) : IReplayMarks
{
    private const string Sent = "sent", Sending = "sending";
    private readonly RedisConnection connection = new(options);
    private readonly RedisKey key = options.KeyPrefix + ":replayed";

    public async Task<IReadOnlyDictionary<string, ReplayMark>> FindAsync(IReadOnlyList<string> letters, CancellationToken token)
    {
        var found = new Dictionary<string, ReplayMark>(StringComparer.Ordinal);
        if (letters.Count == 0)
        {
            return found;
        }

        var db = await connection.OpenAsync(token);
        var values = await RedisConnection.GuardAsync(db, () => db.HashGetAsync(key, [.. letters.Select(letter => (RedisValue)letter)], CommandFlags.DemandMaster));
        for (var i = 0; i < values.Length; i++)
        {
            if (Read(values[i]) is { } mark)
            {
                found[letters[i]] = mark;
            }
        }

        return found;
    }

    public async Task<bool> TryAddAsync(string letter, ReplayMark mark, CancellationToken token)
    {
        var db = await connection.OpenAsync(token);
        return await RedisConnection.GuardAsync(db, () => db.HashSetAsync(key, letter, Write(mark), When.NotExists, CommandFlags.DemandMaster));
    }

    public async Task SetAsync(string letter, ReplayMark mark, CancellationToken token)
    {
        var db = await connection.OpenAsync(token);
        await RedisConnection.GuardAsync(db, () => db.HashSetAsync(key, letter, Write(mark), When.Always, CommandFlags.DemandMaster));
    }

    public async Task RemoveAsync(string letter, CancellationToken token)
    {
        var db = await connection.OpenAsync(token);
        await RedisConnection.GuardAsync(db, () => db.HashDeleteAsync(key, letter, CommandFlags.DemandMaster));
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private static string Write(ReplayMark mark) => string.Create(CultureInfo.InvariantCulture,
        $"{mark.At}|{(mark.IsSent ? Sent : Sending)}|{Uri.EscapeDataString(mark.Key)}|{Uri.EscapeDataString(mark.By)}");

    private static ReplayMark? Read(string? text) => text?.Split('|') is [var at, var state, var key, var by]
        && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
        ? new ReplayMark(milliseconds, state == Sent, Uri.UnescapeDataString(key), Uri.UnescapeDataString(by))
        : null;
}
