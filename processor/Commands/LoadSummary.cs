using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>What a load was and what it must lead to, for people and for programs.</summary>
internal static class LoadSummary
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string ToText(IndependentResult result, LoadOptions options, int references, double seconds)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"Sent {result.Produced:N0} events to {options.Topic} in {seconds:0.0} s ({result.Produced / Math.Max(seconds, 0.001):N0}/s), after {references:N0} reference records.");
        text.AppendLine("A correct processor arrives at:");
        text.AppendLine(CultureInfo.InvariantCulture, $"  accepted      {result.Accepted,12:N0}");
        text.AppendLine(CultureInfo.InvariantCulture, $"  duplicates    {result.Duplicates,12:N0}");
        text.AppendLine(CultureInfo.InvariantCulture, $"  dead letters  {result.DeadLetterCount,12:N0}");
        foreach (var (reason, count) in result.DeadLetters)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"    {reason.Code(),-24}{count,10:N0}");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"  positions     {result.Positions.Count,12:N0}");
        text.AppendLine(CultureInfo.InvariantCulture, $"  units on hand {result.Positions.Values.Sum(position => position.OnHand),12:N0}");
        text.Append(CultureInfo.InvariantCulture, $"Repeat it with the same options and --seed {options.Generator.Seed} --end-time {options.Generator.End.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}.");
        return text.ToString();
    }

    public static string ToJson(IndependentResult result, LoadOptions options, int references, double seconds, string? positionsFile)
    {
        var reasons = new JsonObject();
        foreach (var (reason, count) in result.DeadLetters)
        {
            reasons[reason.Code()] = count;
        }

        var units = new JsonObject();
        foreach (var (type, sum) in result.UnitsByType)
        {
            units[type.Name()] = sum;
        }

        var positions = result.Positions.Values;
        return new JsonObject
        {
            ["topic"] = options.Topic,
            ["seconds"] = Math.Round(seconds, 3),
            ["referenceRecords"] = references,
            ["seed"] = options.Generator.Seed,
            ["skus"] = options.Generator.Skus,
            ["locations"] = options.Generator.Locations,
            ["endTime"] = options.Generator.End.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            ["independentCount"] = new JsonObject
            {
                ["produced"] = result.Produced,
                ["accepted"] = result.Accepted,
                ["duplicates"] = result.Duplicates,
                ["deadLetters"] = result.DeadLetterCount,
                ["deadLetterReasons"] = reasons,
                ["unitsByType"] = units,
                ["positions"] = positions.Count(),
                ["onHand"] = positions.Sum(position => position.OnHand),
                ["unsellable"] = positions.Sum(position => position.Unsellable),
                ["reserved"] = positions.Sum(position => position.Reserved),
                ["inTransitIn"] = positions.Sum(position => position.InTransitIn),
                ["inTransitOut"] = positions.Sum(position => position.InTransitOut),
                ["negativeOnHand"] = positions.Count(position => position.OnHand < 0),
                ["positionsFile"] = positionsFile,
            },
        }.ToJsonString(Indented);
    }
}
