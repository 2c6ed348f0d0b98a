using System.Globalization;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>What one record of a versioned topic says: a row for the table <see cref="Table"/>, or why it is a dead letter.</summary>
/// <param name="Table">ClickHouse table.</param>
/// <param name="Row">Values by column; empty for a dead letter.</param>
/// <param name="Reason"><see cref="RejectReason.None"/> for a row.</param>
/// <param name="Message">Text for people; empty for a row.</param>
/// <param name="SchemaId">Schema of the value, -1 where it names none.</param>
public sealed record VersionResult(string Table, IReadOnlyDictionary<string, object?> Row, RejectReason Reason, string Message, int SchemaId);

/// <summary>
/// Reads promotions and calendar days, of which every version is kept. Few come, so they are read into plain objects; a registry that does not
/// answer is waited for.
/// </summary>
public sealed class VersionStage(DecodeOptions options, ISchemaSource schemas, AvroSchema promotion, AvroSchema calendarDay, TimeProvider time, ILogger logger)
{
    public const string StageName = "versions", PromotionTopic = "reference.promotion", CalendarTopic = "reference.calendar";

    // What both Avro readers and a DateTime64 of ClickHouse can hold, and what is no error of units.
    private static readonly DateTimeOffset Earliest = new(1990, 1, 1, 0, 0, 0, TimeSpan.Zero), Latest = new(2299, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly RecordDecoder promotions = new(options, schemas, time, logger, promotion), days = new(options, schemas, time, logger, calendarDay);

    /// <summary>Never throws for what a record holds.</summary>
    public async ValueTask<VersionResult> ReadAsync(SourceRecord record, CancellationToken token)
    {
        var isPromotion = record.Topic == PromotionTopic;
        var table = isPromotion ? "promotions" : "calendar";
        var schemaId = -1;
        try
        {
            var key = RecordDecoder.Key(record.Key, isPromotion ? "promo_id" : "day");
            var row = new Dictionary<string, object?>
            {
                ["topic"] = record.Topic,
                ["partition"] = record.Partition,
                ["offset"] = record.Offset,
                ["broker_ts"] = Text(DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, record.BrokerTs))),
            };
            if (record.Value is null)
            {
                row["is_deleted"] = 1;
                row["updated_at"] = row["broker_ts"];
                AddKey(row, key, isPromotion);
                return new VersionResult(table, row, RejectReason.None, "", schemaId);
            }

            (var fields, schemaId) = await (isPromotion ? promotions : days).ReadAsync(record.Value, token);
            Fill(row, fields, key, isPromotion);
            return new VersionResult(table, row, RejectReason.None, "", schemaId);
        }
        catch (RefusedRecordException e)
        {
            return new VersionResult(table, new Dictionary<string, object?>(), e.Reason, e.Message, e.SchemaId >= 0 ? e.SchemaId : schemaId);
        }
    }

    private void Fill(Dictionary<string, object?> row, AvroRecord fields, string key, bool isPromotion)
    {
        var updated = Time(fields, "updated_at");
        var ahead = time.GetUtcNow().AddSeconds(options.FutureSeconds);
        Check(updated <= ahead, RejectReason.TimeFuture, $"updated_at {Text(updated)} is more than {options.FutureSeconds} s ahead of this machine's clock (decode.futureSeconds).");
        row["updated_at"] = Text(updated);
        if (isPromotion)
        {
            FillPromotion(row, fields, key);
        }
        else
        {
            FillDay(row, fields, key);
        }
    }

    private static void FillPromotion(Dictionary<string, object?> row, AvroRecord fields, string key)
    {
        var id = (string)fields["promo_id"]!;
        Check(id == key, RejectReason.KeyMismatch, $"The key '{key}' is not the promo_id '{id}'.");
        var (starts, ends) = (Time(fields, "starts_at"), Time(fields, "ends_at"));
        Check(ends > starts, RejectReason.Validity, $"ends_at {Text(ends)} is not after starts_at {Text(starts)}; correct the promotion and send it again.");
        var percent = (double?)fields["discount_percent"];
        Check(percent is null or (>= 0 and <= 100), RejectReason.QuantityRange, $"discount_percent {percent?.ToString(CultureInfo.InvariantCulture)} is not from 0 to 100.");
        AddKey(row, id, isPromotion: true);
        row["name"] = fields["name"];
        row["starts_at"] = Text(starts);
        row["ends_at"] = Text(ends);
        row["sku_ids"] = fields["sku_ids"];
        row["location_ids"] = fields["location_ids"];
        row["discount_percent"] = percent;
    }

    private static void FillDay(Dictionary<string, object?> row, AvroRecord fields, string key)
    {
        AddKey(row, key, isPromotion: false);
        var day = fields["day"] is DateOnly date ? date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : $"{fields["day"]} days since 1970";
        Check(day == key, RejectReason.KeyMismatch, $"The key '{key}' is not the day '{day}'.");
        AddNumber("fiscal_year", 1990, 2299);
        AddNumber("fiscal_week", 1, 54);
        AddNumber("fiscal_period", 1, 14);
        row["holiday"] = fields["holiday"] ?? "";

        void AddNumber(string name, int least, int most)
        {
            var number = (int)fields[name]!;
            Check(number >= least && number <= most, RejectReason.QuantityRange, $"{name} {number} is not from {least} to {most}.");
            row[name] = number;
        }
    }

    private static void AddKey(Dictionary<string, object?> row, string key, bool isPromotion)
    {
        // A Date of ClickHouse ends in 2149.
        Check(isPromotion || (DateOnly.TryParseExact(key, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day.Year is >= 1990 and < 2149),
            RejectReason.BadId, $"The key '{key}' is not a day such as 2026-03-01.");
        row[isPromotion ? "promo_id" : "day"] = key;
    }

    private static DateTimeOffset Time(AvroRecord fields, string name) =>
        fields[name] is DateTimeOffset at && at >= Earliest && at < Latest
            ? at
            : throw new RefusedRecordException(RejectReason.TimeRange, $"{name} {fields[name]} is not from 1990 to 2298; expected milliseconds since 1970-01-01 UTC.");

    private static string Text(DateTimeOffset at) => at.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);

    private static void Check(bool isMet, RejectReason reason, string message)
    {
        if (!isMet)
        {
            throw new RefusedRecordException(reason, message);
        }
    }
}
