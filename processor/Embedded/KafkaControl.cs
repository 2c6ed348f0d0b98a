using System.Globalization;
using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>The fault commands of the embedded Kafka listener, one a line: what a parent process writes to its standard input.</summary>
public static class KafkaControl
{
    /// <summary>The commands, for a help text.</summary>
    public const string Help = """
        topic NAME:PARTITIONS        create a topic
        down BROKER                  disconnect a broker's clients and accept no new ones
        up BROKER                    accept connections again
        rtt BROKER MILLISECONDS      delay every answer
        leader TOPIC PARTITION BROKER  move a partition's leadership; -1 for none
        errors API ERROR...          answer the next requests with these errors, one each
        clear API                    forget the errors of one type of request
        BROKER is 1, 2, ... or 'all'. API is a request such as Produce, Fetch, OffsetCommit.
        ERROR is a Confluent.Kafka ErrorCode such as NotEnoughReplicas; Local_Transport cuts the connection.
        """;

    /// <summary>Runs one line.</summary>
    /// <returns><c>ok</c>, or <c>error: </c> and what is wrong with the line.</returns>
    public static string Execute(KafkaListener listener, string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        try
        {
            switch (words)
            {
                case ["topic", var topic]:
                    listener.CreateTopic(KafkaTopic.Parse(topic));
                    break;
                case ["down", var broker]:
                    listener.SetBrokerDown(Broker(broker));
                    break;
                case ["up", var broker]:
                    listener.SetBrokerUp(Broker(broker));
                    break;
                case ["rtt", var broker, var milliseconds]:
                    listener.SetRoundTripTime(TimeSpan.FromMilliseconds(Number(milliseconds)), Broker(broker));
                    break;
                case ["leader", var topic, var partition, var broker]:
                    listener.SetPartitionLeader(topic, Number(partition), Number(broker));
                    break;
                case ["errors", var api, _, ..]:
                    listener.PushRequestErrors(Name<KafkaApi>(api), [.. words.Skip(2).Select(Name<ErrorCode>)]);
                    break;
                case ["clear", var api]:
                    listener.ClearRequestErrors(Name<KafkaApi>(api));
                    break;
                default:
                    return $"error: '{line}' is no command; see 'processor kafka --help'.";
            }
        }
        catch (SetupException wrong)
        {
            return $"error: {wrong.Message}";
        }

        return "ok";
    }

    private static int Broker(string word) => word == "all" ? KafkaListener.AllBrokers : Number(word);

    private static int Number(string word) =>
        int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new SetupException($"'{word}' is not a number.");

    private static T Name<T>(string word)
        where T : struct, Enum =>
        Enum.TryParse<T>(word, ignoreCase: true, out var value) && Enum.IsDefined(value)
            ? value
            : throw new SetupException($"'{word}' is no {typeof(T).Name}.");
}
