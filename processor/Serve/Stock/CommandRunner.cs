using System.Globalization;
using System.Text;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Runs a command: plans it from what the store has, and lets the store do it if nothing that the plan rests on has changed; else plans
/// again. The store alone decides, so any number of processes may run commands on the same stock.
/// </summary>
internal sealed class CommandRunner(IStockStore store)
{
    /// <summary>Each failed try means that another command on the same document went through.</summary>
    private const int Tries = 20;

    private const int ToldShortages = 10;

    /// <param name="command">Its name in the metrics.</param>
    /// <param name="key">Idempotency key with its caller; null for the program's own commands.</param>
    /// <param name="requestHash">What the key was used for.</param>
    /// <param name="plan">Makes the plan; may throw <see cref="RefusedCommandException"/>.</param>
    /// <param name="token">Ends the wait.</param>
    public async Task<CommandResult> RunAsync(string command, string? key, string requestHash, Func<CancellationToken, Task<Plan>> plan, CancellationToken token)
    {
        var result = await TryAsync(key, requestHash, plan, token).ConfigureAwait(false);
        Metrics.Commands.Add(1, new("command", command), new("outcome", result.IsRepeated ? "repeated" : result.IsRefused ? result.Code : "applied"));
        return result;
    }

    private async Task<CommandResult> TryAsync(string? key, string requestHash, Func<CancellationToken, Task<Plan>> makePlan, CancellationToken token)
    {
        for (var i = 0; i < Tries; i++)
        {
            Plan plan;
            try
            {
                plan = await makePlan(token).ConfigureAwait(false);
            }
            catch (RefusedCommandException e)
            {
                // What the first call did may be the very reason why a repetition is refused.
                return key is not null && await store.FindAnswerAsync(key, token).ConfigureAwait(false) is { } known
                    ? known.RequestHash == requestHash ? Repeated(known.Body) : KeyReused()
                    : new CommandResult(e.Status, e.Code, e.Message, []);
            }

            if (plan.IsVoid)
            {
                return new CommandResult(plan.Status, "", "", plan.Body) { Revision = plan.Revision };
            }

            var transaction = key is null ? plan.Transaction : plan.Transaction with { Key = key, RequestHash = requestHash, Answer = Pack(plan) };
            var outcome = await store.ExecuteAsync(transaction, token).ConfigureAwait(false);
            switch (outcome.Verdict)
            {
                case StockVerdict.Applied:
                    return new CommandResult(plan.Status, "", "", plan.Body) { Location = plan.Location, Revision = plan.Revision, Durability = outcome.Durability };
                case StockVerdict.Repeated:
                    return Repeated(outcome.Answer);
                case StockVerdict.KeyReused:
                    return KeyReused();
                case StockVerdict.Insufficient when !plan.ReplanWhenShort:
                    return new CommandResult(409, "insufficient-stock", Describe(outcome.Shortages), []);
                case StockVerdict.Behind:
                    return new CommandResult(503, "positions-behind", "The positions of this SKU are being rebuilt and lack what was promised before. Try again.", []);
            }
        }

        return new CommandResult(409, "conflict", "Others change the same stock or document at once. Try again with the same key.", []);
    }

    private static CommandResult KeyReused() =>
        new(409, "idempotency-key-reused", "This Idempotency-Key was used for another request; take a new one.", []);

    private static string Describe(IReadOnlyList<StockShortage> shortages)
    {
        var text = new StringBuilder("Not enough stock: ");
        foreach (var shortage in shortages.Take(ToldShortages))
        {
            text.Append(CultureInfo.InvariantCulture, $"SKU '{shortage.SkuId}' at '{shortage.LocationId}' has {Math.Max(0, shortage.Available)} available of {shortage.OnHand} on hand; ");
        }

        text.Length -= 2;
        return text.Append(shortages.Count > ToldShortages ? $" and {shortages.Count - ToldShortages} more. Nothing was changed." : ". Nothing was changed.").ToString();
    }

    // Status, location and revision in a line before the body.
    private static byte[] Pack(Plan plan) =>
        [.. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{plan.Status} {plan.Revision} {plan.Location}\n")), .. plan.Body];

    private static CommandResult Repeated(byte[] answer)
    {
        var end = answer.AsSpan().IndexOf((byte)'\n');
        var parts = Encoding.UTF8.GetString(answer.AsSpan(0, end)).Split(' ');
        return new CommandResult(int.Parse(parts[0], CultureInfo.InvariantCulture), "", "", answer[(end + 1)..])
        {
            Revision = long.Parse(parts[1], CultureInfo.InvariantCulture),
            Location = parts[2],
            IsRepeated = true,
        };
    }
}
