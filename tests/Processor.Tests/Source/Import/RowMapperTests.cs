using System.Text;
using Stockflow.Model;
using Stockflow.Source.Import;
using Xunit;

namespace Stockflow.Tests.Source.Import;

public sealed class RowMapperTests
{
    private static readonly Pseudonyms Key = new("a key of more than 16 characters");

    [Theory]
    [InlineData("536365,85123A,LAMP,6,2010-12-01 08:26:00,2.55,17850.0,France", "sale", MovementType.Sale, -6, null)]
    [InlineData("C536379,D,Discount,-1,2010-12-01 08:26:00,27.50,14527.0,France", "cancellation", MovementType.Return, 1, "CANCELLATION")]
    [InlineData("536589,21777,,-10,2010-12-01 08:26:00,0.0,,France", "write_off", MovementType.Adjustment, -10, "WRITE_OFF")]
    [InlineData("536589,21777,wet pallet,-10,2010-12-01 08:26:00,0.0,,France", "write_off", MovementType.Adjustment, -10, "DAMAGED")]
    [InlineData("536589,21777,?missing,-10,2010-12-01 08:26:00,0.0,,France", "write_off", MovementType.Adjustment, -10, "MISSING")]
    [InlineData("536589,21777,found,10,2010-12-01 08:26:00,0.0,,France", "found", MovementType.Adjustment, 10, "FOUND")]
    [InlineData("536589,21777,,10,2010-12-01 08:26:00,0.0,,France", "found", MovementType.Adjustment, 10, "FOUND")]
    [InlineData("536589,21777,DOOR SIGN No,10,2010-12-01 08:26:00,0.0,,France", "free_issue", MovementType.Sale, -10, null)]
    [InlineData("536589,M,Manual,10,2010-12-01 08:26:00,0.0,12415.0,France", "free_issue", MovementType.Sale, -10, null)]
    [InlineData("A563186,B,Adjust bad debt,1,2010-12-01 08:26:00,-11062.06,,France", "bad_debt", MovementType.Adjustment, 1, "BAD_DEBT")]
    public void Online_Retail_records_get_their_class(string record, string name, MovementType type, long quantity, string? reason)
    {
        var movement = Assert.Single(Retail(record)).Movement!;
        Assert.Equal((name, type, quantity, reason), (movement.Class, movement.Type, movement.QtyDelta, movement.Reason));
        Assert.Contains(new KeyValuePair<string, string>("class", name), movement.Attributes);
        Assert.Contains(new KeyValuePair<string, string>("country", "France"), movement.Attributes);
    }

    [Theory]
    [InlineData("POST", "postage")]
    [InlineData("DOT", "postage")]
    [InlineData("D", "discount")]
    [InlineData("m", "manual_entry")]
    [InlineData("BANK CHARGES", "fee")]
    [InlineData("gift_0001_20", "gift_voucher")]
    [InlineData("DCGSSBOY", "goods")]
    [InlineData("85123a", "goods")]
    [InlineData("PADS", "goods")]
    public void Codes_that_are_no_goods_are_told_apart(string code, string kind)
    {
        var movement = Assert.Single(Retail($"536365,{code},X,6,2010-12-01 08:26:00,2.55,17850.0,France")).Movement!;
        Assert.Equal(code, movement.SkuId);
        Assert.Equal(kind, movement.Kind!.Name);
        Assert.Equal(kind == "goods", movement.Kind.Stocked);
        Assert.Equal(kind != "goods", movement.Attributes.Any(entry => entry.Key == "sku_kind"));
    }

    [Fact]
    public void A_customer_becomes_a_pseudonym_that_depends_on_the_key()
    {
        const string Record = "536365,85123A,LAMP,6,2010-12-01 08:26:00,2.55,17850.0,France";
        var first = Assert.Single(Retail(Record)).Movement!.CustomerRef;
        Assert.Equal(32, first!.Length);
        Assert.Equal(first, Assert.Single(Retail(Record)).Movement!.CustomerRef);
        Assert.NotEqual(first, new Pseudonyms("another key, just as long").Of("17850.0"));
        Assert.Null(Assert.Single(Retail(Record.Replace("17850.0", "", StringComparison.Ordinal))).Movement!.CustomerRef);
        Assert.Throws<SetupException>(() => new Pseudonyms("short"));
    }

    [Fact]
    public void Ids_are_the_same_again_shuffled_or_with_lines_added_and_differ_for_duplicates()
    {
        string[] records =
        [
            "1,A,X,6,2010-12-01 08:26:00,2.55,17850.0,France", "1,A,X,6,2010-12-01 08:26:00,2.55,17850.0,France",
            "1,B,X,6,2010-12-01 08:26:00,2.55,17850.0,France", "1,A,X,6,2010-12-01 08:26:00,2.55,17850.0,France",
        ];
        var ids = Retail(records).Select(result => result.Movement!.EventId).ToList();
        Assert.Equal(4, ids.Distinct().Count());
        Assert.All(ids, id => Assert.StartsWith("online-retail-", id, StringComparison.Ordinal));
        Assert.Equal(ids, Retail(records).Select(result => result.Movement!.EventId));
        Assert.Equal(ids.Order(), Retail([.. records.Reverse()]).Select(result => result.Movement!.EventId).Order());
        Assert.Equal(ids, Retail([.. records, "1,A,X,6,2010-12-01 08:26:00,2.55,17850.0,France"]).Select(result => result.Movement!.EventId).Take(4));
    }

    [Theory]
    [InlineData("1,,X,6,2010-12-01 08:26:00,2.55,1,France", "sku_id", "StockCode", 2, "missing")]
    [InlineData("1,A,X,6.5,2010-12-01 08:26:00,2.55,1,France", "qty_delta", "Quantity", 4, "not_a_whole_number")]
    [InlineData("1,A,X,0,2010-12-01 08:26:00,2.55,1,France", "row", "", 0, "no_rule")]
    [InlineData("1,A,X,6,2010-13-01 08:26:00,2.55,1,France", "event_ts", "InvoiceDate", 5, "not_a_time")]
    [InlineData("1,A,X,6,2010-12-01 08:26:00,2.55001,1,France", "unit_price", "UnitPrice", 6, "not_a_price")]
    [InlineData("1,A,X,6,2010-12-01 08:26:00,1e3,1,France", "unit_price", "UnitPrice", 6, "not_a_price")]
    [InlineData(",A,X,6,2010-12-01 08:26:00,2.55,1,France", "reference_id", "InvoiceNo", 1, "missing")]
    [InlineData("1,A,X,6,2010-12-01 08:26:00,2.55,1", "row", "", 0, "column_count")]
    public void A_value_that_does_not_fit_is_named_with_field_column_and_place(string record, string field, string column, int position, string reason)
    {
        var wrong = Assert.Single(Retail(record)).Rejection!;
        Assert.Equal((field, column, position, reason, 2L), (wrong.Field, wrong.Column, wrong.Position, wrong.Reason, wrong.Line));
    }

    [Theory]
    [InlineData("2010-12-01 08:26:00", "2010-12-01T08:26:00Z")]
    [InlineData("2011-06-01 08:26:00", "2011-06-01T07:26:00Z")]
    [InlineData("2011-10-30 01:30:00", "2011-10-30T00:30:00Z")]
    [InlineData("2011-03-27 01:30:00", "2011-03-27T01:30:00Z")]
    public void Local_times_become_utc(string local, string utc)
    {
        var movement = Assert.Single(Retail($"1,A,X,6,{local},2.55,1,France")).Movement!;
        Assert.Equal(DateTimeOffset.Parse(utc, System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds(), movement.EventTs);
        Assert.Equal(movement.EventTs, movement.IngestTs);
    }

    [Fact]
    public void Numbers_of_other_countries_are_read()
    {
        var numbers = new NumberFormat(',', ".");
        Assert.True(numbers.TryParsePrice("1.234,50", out var price));
        Assert.Equal(1234.5m, price);
        Assert.False(new NumberFormat(',').TryParse("1.5", out _));
        Assert.False(new NumberFormat().TryParsePrice("0.00005", out _));
        Assert.True(new NumberFormat(Round: true).TryParsePrice("0.00005", out price));
        Assert.Equal(0m, price);
        Assert.True(numbers.TryParseWhole("6,0", out var whole));
        Assert.Equal(6, whole);
    }

    [Fact]
    public void A_cancellation_is_tied_to_the_latest_sale_with_enough_open_units()
    {
        var results = Retail(
            "1,A,X,5,2010-12-01 08:00:00,2.00,7.0,UK",
            "2,A,X,9,2010-12-01 09:00:00,2.00,7.0,UK",
            "3,A,X,2,2010-12-01 10:00:00,2.00,7.0,UK",
            "4,A,X,9,2010-12-01 10:00:00,2.50,7.0,UK",
            "5,A,X,9,2010-12-01 10:00:00,2.00,8.0,UK",
            "C6,A,X,-6,2010-12-01 11:00:00,2.00,7.0,UK",
            "C7,A,X,-4,2010-12-01 11:00:00,2.00,7.0,UK",
            "C8,A,X,-4,2010-12-01 11:00:00,2.00,7.0,UK",
            "C9,A,X,-1,2010-12-01 11:00:00,2.00,,UK",
            "C10,B,X,-1,2010-12-01 11:00:00,2.00,7.0,UK",
            "11,B,X,1,2010-12-01 12:00:00,2.00,7.0,UK");
        var tied = results.Where(result => result.Movement!.Class == "cancellation")
            .Select(result => (result.Movement!.Attributes.Find(entry => entry.Key == "cancels_invoice").Value,
                result.Movement.Attributes.Find(entry => entry.Key == "cancels_event_id").Value)).ToList();
        Assert.Equal(["2", "1", null, null, null], tied.Select(pair => pair.Item1));
        Assert.Equal(results[1].Movement!.EventId, tied[0].Item2);
        Assert.Equal(results[0].Movement!.EventId, tied[1].Item2);
    }

    private static List<(ImportMovement? Movement, RowRejection? Rejection)> Retail(params string[] records)
    {
        var content = Encoding.UTF8.GetBytes(ImportText.RetailHeader + string.Join('\n', records) + "\n");
        var tie = default(CancellationTie);
        for (var pass = 1; ; pass++)
        {
            var mapping = MappingParser.Load("online-retail");
            tie ??= new CancellationTie(mapping.Tie!);
            using var reader = new CsvRowReader(new MemoryStream(content), mapping.Csv, mapping.Columns);
            var mapper = new RowMapper(mapping, new RowScope(mapping.Dataset, "test.csv"), Key);
            var results = new List<(ImportMovement?, RowRejection?)>();
            while (reader.Read())
            {
                var wrong = mapper.Map(reader.Row, identify: pass == 2);
                if (wrong is null && pass == 1)
                {
                    tie.Plan(reader.Row, mapper.Movement.Class);
                }
                else if (wrong is null)
                {
                    tie.Apply(reader.Row, mapper.Movement);
                }

                results.Add((wrong is null ? Copy(mapper.Movement) : null, wrong));
            }

            if (pass == 2)
            {
                return results;
            }
        }
    }

    private static ImportMovement Copy(ImportMovement from)
    {
        var copy = new ImportMovement
        {
            Class = from.Class,
            EventId = from.EventId,
            SkuId = from.SkuId,
            Type = from.Type,
            EventTs = from.EventTs,
            IngestTs = from.IngestTs,
            QtyDelta = from.QtyDelta,
            Reason = from.Reason,
            CustomerRef = from.CustomerRef,
            Kind = from.Kind,
            ReferenceId = from.ReferenceId,
        };
        copy.Attributes.AddRange(from.Attributes);
        return copy;
    }
}
