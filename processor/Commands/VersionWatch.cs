using Stockflow.Decode;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary>Keeps every version of promotions and calendar days in ClickHouse, and what can not be read in the dead letters.</summary>
internal sealed class VersionWatch(VersionStage stage, IClickHouse clickHouse, DeadLetterWriter deadLetters, TimeProvider time, ILogger logger)
{
    public static readonly string[] Topics = [VersionStage.PromotionTopic, VersionStage.CalendarTopic];

    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    /// <summary>Ends when all records are kept, however long ClickHouse is away. The movements do not wait for it.</summary>
    public async Task ApplyAsync(IReadOnlyList<SourceRecord> records, CancellationToken token)
    {
        var rows = new List<VersionResult>();
        foreach (var record in records)
        {
            var result = await stage.ReadAsync(record, token);
            if (result.Reason == RejectReason.None)
            {
                rows.Add(result);
            }
            else
            {
                await deadLetters.WriteAsync(record, new Rejection(0, VersionStage.StageName, result.Reason, result.Message, result.SchemaId), token);
            }
        }

        foreach (var table in rows.GroupBy(row => row.Table, row => row.Row))
        {
            await InsertAsync(table.Key, table, token);
        }
    }

    private async Task InsertAsync(string table, IEnumerable<IReadOnlyDictionary<string, object?>> rows, CancellationToken token)
    {
        while (true)
        {
            try
            {
                await clickHouse.InsertRowsAsync(table, rows, token);
                return;
            }
            catch (ClickHouseException e)
            {
                logger.VersionsWait(e.Message);
                await Task.Delay(Wait, time, token);
            }
        }
    }
}
