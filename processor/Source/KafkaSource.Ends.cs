using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Stockflow.Model;

namespace Stockflow.Source;

/// <content>
/// How lanes learn that they keep up, by which silent sources are told from slow ones. Every two seconds the broker is asked where the
/// partitions end. A lane that has applied its partition up to there before the next question, and was not held back meanwhile, had all that
/// was there when the broker was asked. A broker that does not answer, or a lane that falls behind, proves nothing.
/// </content>
public sealed partial class KafkaSource
{
    private const int EndsMilliseconds = 2000;

    // Questions that are further apart do not join on: the process was stopped, or something else had its hands full.
    private static readonly TimeSpan LongestJoin = TimeSpan.FromMilliseconds(4 * EndsMilliseconds);
    private Task<IReadOnlyList<(Slot Slot, LogEnd? End)>>? askingEnds;
    private long lastAsked;

    /// <summary>How far a lane may be ahead of the global watermark before its partition is held back, milliseconds; 0 for no limit.</summary>
    public long MaximumDriftMilliseconds { get; init; }

    private void AskForEnds(IAdminClient admin)
    {
        if (askingEnds is not null)
        {
            return;
        }

        var stamp = time.GetTimestamp();
        var isLate = time.GetElapsedTime(lastAsked, stamp) > LongestJoin;
        lastAsked = stamp;
        var asked = new List<Slot>();
        foreach (var slot in slots.Values)
        {
            if (isLate || slot.End is not null)
            {
                slot.Break();
            }

            if (slot.Lane is not null && !slot.IsPaused)
            {
                asked.Add(slot);
            }
        }

        if (asked.Count > 0)
        {
            askingEnds = AskForEndsAsync(admin, asked, stamp, time.GetUtcNow().ToUnixTimeMilliseconds());
        }
    }

    // The end as all consumers could see it, so that a transaction that is still open counts as records that wait.
    private static async Task<IReadOnlyList<(Slot Slot, LogEnd? End)>> AskForEndsAsync(IAdminClient admin, List<Slot> asked, long stamp, long ts)
    {
        List<ListOffsetsResultInfo> answers = [];
        try
        {
            var questions = asked.ConvertAll(slot => new TopicPartitionOffsetSpec { TopicPartition = slot.Partition, OffsetSpec = OffsetSpec.Latest() });
            answers = (await admin.ListOffsetsAsync(questions, new ListOffsetsOptions { RequestTimeout = ServerTimeout, IsolationLevel = IsolationLevel.ReadUncommitted })).ResultInfos;
        }
        catch (ListOffsetsException e)
        {
            answers = e.Result.ResultInfos;
        }
        catch (KafkaException)
        {
            // The consumer reports a broker that is away.
        }

        var ends = answers.Where(answer => !answer.TopicPartitionOffsetError.Error.IsError)
            .ToDictionary(answer => answer.TopicPartitionOffsetError.Partition.Value, answer => answer.TopicPartitionOffsetError.Offset.Value);
        return [.. asked.Select(slot => (slot, ends.TryGetValue(slot.Number, out var end) ? new LogEnd(end, stamp, ts) : (LogEnd?)null))];
    }

    private void TakeEnds()
    {
        if (askingEnds is not { IsCompleted: true } asked)
        {
            return;
        }

        askingEnds = null;
        foreach (var (slot, end) in asked.GetAwaiter().GetResult())
        {
            // While the broker is away its producers wait too, so that time tells nothing of them.
            if (end is null)
            {
                slot.Break();
            }

            slot.End = end;
        }
    }
}
