using Stockflow.Serve;
using Stockflow.Serve.Console;

namespace Stockflow.Tests.Serve;

/// <summary>Count sheets in memory that remember what was decided.</summary>
internal sealed class FakeCounts : IConsoleCounts
{
    public List<ConsoleCountSheet> Sheets { get; } = [];

    public List<string> Decided { get; } = [];

    public string? Problem { get; set; }

    public IReadOnlyList<string> States => ["waiting", "approved", "rejected"];

    public IReadOnlyList<string> RootCauses => ["theft", "miscount"];

    public Task<ConsolePage<ConsoleCountSheet>> ListAsync(string? state, string? cursor, CancellationToken token) => cursor is "bad"
        ? throw new FormatException()
        : Task.FromResult(new ConsolePage<ConsoleCountSheet>([.. Sheets.Where(sheet => state is null || sheet.State == state)], cursor is null ? "next page" : null));

    public Task<string?> ApproveAsync(string id, string approver, string? rootCause, CancellationToken token) => DecideAsync(id, "approved", $"{approver} {rootCause}");

    public Task<string?> RejectAsync(string id, string approver, string? reason, CancellationToken token) => DecideAsync(id, "rejected", $"{approver} {reason}");

    private Task<string?> DecideAsync(string id, string state, string told)
    {
        if (Problem is null)
        {
            Decided.Add($"{id} {state} {told}");
            var at = Sheets.FindIndex(sheet => sheet.Id == id);
            Sheets[at] = Sheets[at] with { State = state, CanDecide = false };
        }

        return Task.FromResult(Problem);
    }
}

/// <summary>Reservations in memory.</summary>
internal sealed class FakeReservations : IConsoleReservations
{
    public List<ConsoleReservation> Items { get; } = [];

    public List<string> Released { get; } = [];

    public IReadOnlyList<string> States => ["held", "released"];

    public Task<ConsolePage<ConsoleReservation>> ListAsync(string? state, string? sku, string? cursor, CancellationToken token) => Task.FromResult(
        new ConsolePage<ConsoleReservation>([.. Items.Where(item => (state is null || item.State == state) && (sku is null || item.Lines.Any(line => line.SkuId == sku)))], null));

    public Task<ConsoleReservation?> FindAsync(string id, CancellationToken token) => Task.FromResult(Items.Find(item => item.Id == id));

    public Task<string?> ReleaseAsync(string id, string performedBy, CancellationToken token)
    {
        if (Items.All(item => item.Id != id))
        {
            return Task.FromResult<string?>("there is no such reservation");
        }

        Released.Add($"{id} {performedBy}");
        return Task.FromResult<string?>(null);
    }
}

/// <summary>Dead letters in memory, of which each is sent once.</summary>
internal sealed class FakeDeadLetters : IDeadLetters
{
    public List<DeadLetterDetail> Letters { get; } = [];

    public List<string> Sent { get; } = [];

    public Exception? Failure { get; set; }

    public void Add(int partition, long offset, string message, string? obstacle = null, byte[]? value = null) => Letters.Add(new DeadLetterDetail(
        new DeadLetterSummary(partition, offset, new DateTime(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc), "unknown_sku", "decode", message, "inventory.movements",
            "inventory.movements/2/41", "sku-1", value?.Length ?? 0, Convert.ToHexStringLower(value ?? []), obstacle, null),
        value, [KeyValuePair.Create("trace", (string?)"1")], Convert.ToHexStringLower(value ?? []), "not decoded: there is no schema 99"));

    public Task<DeadLetterPage> ListAsync(IReadOnlyDictionary<int, long>? before, int limit, CancellationToken token)
    {
        if (Failure is not null)
        {
            return Task.FromException<DeadLetterPage>(Failure);
        }

        var found = Letters.Select(letter => letter.Summary).Where(letter => before is null || letter.Offset < before.GetValueOrDefault(letter.Partition, long.MaxValue)).ToList();
        return Task.FromResult(new DeadLetterPage([.. found.Take(limit)], found.Count > limit ? new Dictionary<int, long> { [0] = found[limit - 1].Offset } : null));
    }

    public Task<DeadLetterDetail?> FindAsync(int partition, long offset, CancellationToken token) =>
        Task.FromResult(Letters.Find(letter => (letter.Summary.Partition, letter.Summary.Offset) == (partition, offset)));

    public Task<ReplayAnswer> ReplayAsync(int partition, long offset, string key, string performedBy, CancellationToken token)
    {
        var at = Letters.FindIndex(letter => (letter.Summary.Partition, letter.Summary.Offset) == (partition, offset));
        if (at < 0)
        {
            return Task.FromResult(new ReplayAnswer(ReplayOutcome.NotFound, null));
        }

        var letter = Letters[at].Summary;
        if (letter.Obstacle is not null || letter.Replay is not null)
        {
            return Task.FromResult(new ReplayAnswer(letter.Obstacle is null ? ReplayOutcome.AlreadySent : ReplayOutcome.Refused, letter));
        }

        Sent.Add($"{partition}:{offset}");
        letter = letter with { Replay = new DeadLetterReplay(letter.FailedAt.AddHours(1), performedBy, key, IsSent: true) };
        Letters[at] = Letters[at] with { Summary = letter };
        return Task.FromResult(new ReplayAnswer(ReplayOutcome.Sent, letter));
    }
}
