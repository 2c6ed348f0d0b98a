using System.Globalization;
using System.Text.RegularExpressions;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>A topic to be created on the embedded listener.</summary>
/// <param name="Name">1 to 249 letters, digits, dots, underscores or hyphens, as Kafka has it.</param>
/// <param name="Partitions">1 to 10,000.</param>
public readonly partial record struct KafkaTopic(string Name, int Partitions)
{
    private const int MaximumPartitions = 10_000;

    /// <summary>Reads <c>name:partitions,name:partitions</c>.</summary>
    /// <exception cref="SetupException">An entry is malformed or a name occurs twice; the message names it.</exception>
    public static IReadOnlyList<KafkaTopic> ParseList(string text)
    {
        var topics = new List<KafkaTopic>();
        foreach (var entry in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var topic = Parse(entry);
            if (topics.Exists(other => other.Name == topic.Name))
            {
                throw new SetupException($"topic '{topic.Name}' is listed twice; name it once.");
            }

            topics.Add(topic);
        }

        return topics;
    }

    /// <summary>Reads <c>name:partitions</c>.</summary>
    /// <exception cref="SetupException">The entry is malformed; the message names it.</exception>
    public static KafkaTopic Parse(string entry)
    {
        var colon = entry.LastIndexOf(':');
        if (colon < 0 || !TopicName().IsMatch(entry.AsSpan(0, colon)))
        {
            throw new SetupException($"topic '{entry}' is not 'name:partitions'; a name has 1 to 249 letters, digits, '.', '_' or '-'.");
        }

        return int.TryParse(entry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var partitions)
            && partitions is >= 1 and <= MaximumPartitions
            ? new KafkaTopic(entry[..colon], partitions)
            : throw new SetupException($"topic '{entry}' needs a partition count from 1 to {MaximumPartitions} after the colon.");
    }

    [GeneratedRegex(@"^[a-zA-Z0-9._-]{1,249}\z")]
    private static partial Regex TopicName();
}
