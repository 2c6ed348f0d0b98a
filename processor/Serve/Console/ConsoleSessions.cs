using System.Security.Cryptography;
using System.Text;

namespace Stockflow.Serve.Console;

/// <summary>
/// Who has signed in with a key: random ids in memory, of which only hashes are kept. A session ends after its lifetime, with the process, and when
/// newer ones need its place.
/// </summary>
internal sealed class ConsoleSessions(TimeProvider time)
{
    public const int Most = 1000;
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(8);

    private readonly Lock gate = new();
    private readonly Dictionary<string, long> starts = new(StringComparer.Ordinal);
    private readonly Queue<(string Hash, long Start)> oldest = new();

    /// <summary>A new session's id, for the cookie.</summary>
    public string Start()
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        lock (gate)
        {
            while (oldest.TryPeek(out var first) && (starts.Count >= Most || IsOver(first.Start)))
            {
                starts.Remove(oldest.Dequeue().Hash);
            }

            var start = time.GetTimestamp();
            starts[Hash(id)] = start;
            oldest.Enqueue((Hash(id), start));
        }

        return id;
    }

    public bool IsOpen(string? id)
    {
        lock (gate)
        {
            return id is not null && starts.TryGetValue(Hash(id), out var start) && !IsOver(start);
        }
    }

    public void End(string id)
    {
        lock (gate)
        {
            // Its place in the queue goes when its turn comes.
            starts.Remove(Hash(id));
        }
    }

    private bool IsOver(long start) => time.GetElapsedTime(start) >= Lifetime;

    private static string Hash(string id) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id)));
}
