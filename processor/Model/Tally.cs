namespace Stockflow.Model;

/// <summary>Counts the verdicts of a batch that has been committed.</summary>
public static class Tally
{
    /// <summary>Adds to the lane's counters; records below <paramref name="from"/> were counted when they were first applied.</summary>
    public static void Count(RecordBatch batch, LaneStatus lane, long from)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            lane.Read++;
            if (batch.Records[i].Offset < from)
            {
                lane.Replayed++;
                continue;
            }

            switch (batch.Verdicts[i])
            {
                case Verdict.Accepted:
                    lane.Accepted++;
                    break;
                case Verdict.Duplicate:
                    lane.Duplicates++;
                    break;
                case Verdict.DeadLetter:
                    lane.DeadLetters++;
                    break;
            }
        }
    }
}
