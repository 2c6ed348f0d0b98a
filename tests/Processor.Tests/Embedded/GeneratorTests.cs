using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Stockflow.Avro;
using Stockflow.Embedded;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Embedded;

public sealed class GeneratorTests
{
    private const int MovementId = 11, VendorId = 12;
    private static readonly GeneratorOptions Small = new() { Events = 60_000, Skus = 300, Locations = 12, Seed = 7 };

    [Fact]
    public void The_same_seed_gives_the_same_bytes()
    {
        Assert.Equal(Bytes(Small), Bytes(Small));
    }

    [Fact]
    public void Another_seed_gives_other_bytes()
    {
        Assert.NotEqual(Bytes(Small), Bytes(Small with { Seed = 8 }));
    }

    [Fact]
    public void It_makes_exactly_the_events_that_were_asked_for()
    {
        Assert.Equal(1234, Facts(Small with { Events = 1234 }).Count);
    }

    [Fact]
    public void A_duplicate_has_the_bytes_of_its_first()
    {
        var first = new Dictionary<long, string>();
        var again = 0;
        var encoder = Encoder(Small);
        foreach (var fact in Facts(Small))
        {
            encoder.Encode(in fact);
            var bytes = Convert.ToHexString(encoder.Value);
            if (!first.TryAdd(fact.Number, bytes))
            {
                Assert.Equal(first[fact.Number], bytes);
                again++;
            }
        }

        Assert.InRange(again, Small.Events * 0.01, Small.Events * 0.03);
    }

    [Fact]
    public void Popularity_of_skus_follows_Zipf()
    {
        var sampler = new ZipfSampler(1000, 0.8);
        var random = new SeededRandom(3);
        var counts = new int[1000];
        const int Draws = 2_000_000;
        for (var i = 0; i < Draws; i++)
        {
            counts[sampler.Draw(random)]++;
        }

        var sum = Enumerable.Range(1, 1000).Sum(rank => Math.Pow(rank, -0.8));
        foreach (var rank in new[] { 1, 2, 10, 100, 1000 })
        {
            var expected = Draws * Math.Pow(rank, -0.8) / sum;
            Assert.InRange(counts[rank - 1], expected - (6 * Math.Sqrt(expected)), expected + (6 * Math.Sqrt(expected)));
        }
    }

    [Fact]
    public void Every_flaw_and_every_movement_type_occurs()
    {
        var facts = Facts(Small with { InvalidShare = 0.02 });
        Assert.Equal(Enum.GetValues<FactFlaw>().ToHashSet(), facts.Select(fact => fact.Flaw).ToHashSet());
        Assert.Equal(Enum.GetValues<MovementType>().ToHashSet(), facts.Select(fact => fact.Type).ToHashSet());
        Assert.Equal(Enum.GetValues<GeneratedSource>().ToHashSet(), facts.Select(fact => fact.Source).ToHashSet());
    }

    [Fact]
    public void Sound_facts_keep_the_rules_of_their_type()
    {
        var catalog = new GeneratorCatalog(Small);
        var end = Small.End.ToUnixTimeMilliseconds();
        foreach (var fact in Facts(Small).Where(fact => fact.Flaw == FactFlaw.None))
        {
            var sign = fact.Type switch
            {
                MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Reserve or MovementType.Ship or MovementType.Damage => -1,
                MovementType.Return or MovementType.Receipt or MovementType.TransferIn or MovementType.Release or MovementType.Correction => 1,
                MovementType.CycleCount => 0,
                _ => Math.Sign(fact.Qty),
            };
            Assert.Equal(sign, Math.Sign(fact.Qty));
            Assert.Equal(fact.Type == MovementType.CycleCount, fact.CountedQty >= 0);
            Assert.Equal(fact.Type is MovementType.TransferIn or MovementType.TransferOut, fact.Counterpart >= 0 && fact.Counterpart != fact.Location);
            Assert.Equal(fact.Type == MovementType.Correction, fact.Corrects >= 0);
            Assert.InRange(fact.EventTs, end - (long)(Small.SimulatedHours * 3_600_000), end);
            Assert.InRange(fact.IngestTs, fact.EventTs, end);
            Assert.True(catalog.Stocked[fact.Sku] || fact.Type is MovementType.Sale or MovementType.Return or MovementType.Correction);
        }
    }

    [Fact]
    public void Some_events_are_overtaken_and_some_EDI_messages_come_hours_late()
    {
        long latest = 0, overtaken = 0, hoursLate = 0, lateCounts = 0;
        foreach (var fact in Facts(Small).Where(fact => fact.Flaw == FactFlaw.None))
        {
            overtaken += fact.EventTs < latest ? 1 : 0;
            var late = latest - fact.EventTs > 3_600_000;
            hoursLate += late && fact.Source == GeneratedSource.Edi ? 1 : 0;
            lateCounts += late && fact.Type == MovementType.CycleCount ? 1 : 0;
            latest = Math.Max(latest, fact.EventTs);
        }

        Assert.True(overtaken > 1000);
        Assert.True(hoursLate > 50);
        Assert.True(lateCounts > 10);
    }

    [Fact]
    public void The_day_curve_has_a_quiet_night_and_a_busy_evening()
    {
        var hours = Facts(Small).Where(fact => fact.Flaw == FactFlaw.None).CountBy(fact => fact.EventTs / 3_600_000 % 24).ToDictionary();
        Assert.True(hours[18] > hours.GetValueOrDefault(3) * 4);
    }

    [Fact]
    public void A_schema_reader_reads_back_what_the_fact_says()
    {
        var schema = Schema("InventoryMovement");
        var resolution = AvroResolution.Compile(schema, schema);
        var catalog = new GeneratorCatalog(Small);
        var encoder = Encoder(Small);
        foreach (var fact in Facts(Small).Where(fact => fact.Flaw == FactFlaw.None).Take(5000))
        {
            encoder.Encode(in fact);
            Assert.Equal(0, encoder.Value[0]);
            Assert.Equal(MovementId, BinaryPrimitives.ReadInt32BigEndian(encoder.Value[1..]));
            Assert.Equal(catalog.SkuIds[fact.Sku], encoder.Key.ToArray());
            var record = Assert.IsType<AvroRecord>(GenericReader.Read(resolution, encoder.Value[5..]));
            Assert.EndsWith(fact.Number.ToString("x12", CultureInfo.InvariantCulture), (string)record["event_id"]!, StringComparison.Ordinal);
            Assert.Equal(fact.EventTs, ((DateTimeOffset)record["event_ts"]!).ToUnixTimeMilliseconds());
            Assert.Equal(catalog.SkuId(fact.Sku), record["sku_id"]);
            Assert.Equal(catalog.LocationId(fact.Location), record["location_id"]);
            Assert.Equal(fact.Type.Name(), record["movement_type"]);
            Assert.Equal(fact.Qty, record["qty_delta"]);
            Assert.Equal(fact.CountedQty < 0 ? null : fact.CountedQty, (long?)record["counted_qty"]);
            Assert.Equal(fact.Counterpart < 0 ? null : catalog.LocationId(fact.Counterpart), record["counterpart_location_id"]);
            Assert.Equal(fact.Corrects >= 0, record["corrects_event_id"] is not null);
            if (fact is { Type: MovementType.Sale, Promotion: < 0 })
            {
                Assert.Equal(catalog.Prices[fact.Sku] / 10_000m, record["unit_price"]);
            }
        }
    }

    [Fact]
    public void Reference_records_can_be_read_by_their_schemas()
    {
        var catalog = new GeneratorCatalog(Small);
        string[] names = ["Sku", "Location", "Vendor", "SkuVendor", "Promotion", "CalendarDay"];
        var resolutions = names.Select(name => AvroResolution.Compile(Schema(name), Schema(name))).ToArray();
        var seen = new HashSet<int>();
        var records = ReferenceEncoder.Records(catalog, Small, name => Array.IndexOf(names, name)).ToList();
        foreach (var record in records)
        {
            var id = BinaryPrimitives.ReadInt32BigEndian(record.Value.AsSpan(1));
            var read = Assert.IsType<AvroRecord>(GenericReader.Read(resolutions[id], record.Value.AsSpan(5)));
            if (names[id] == "Sku")
            {
                Assert.Equal(Encoding.UTF8.GetString(record.Key), read["sku_id"]);
                Assert.Equal(catalog.Stocked[Array.FindIndex(catalog.SkuIds, sku => sku.SequenceEqual(record.Key))], read["stocked"]);
            }

            seen.Add(id);
        }

        Assert.Equal(names.Length, seen.Count);
        Assert.Equal(Small.Skus, records.Count(record => record.Topic == "reference.sku"));
        Assert.Contains(false, catalog.Stocked);
    }

    internal static List<GeneratedFact> Facts(GeneratorOptions options)
    {
        var generator = new Generator(options);
        var facts = new List<GeneratedFact>();
        while (generator.TryNext(out var fact))
        {
            facts.Add(fact);
        }

        return facts;
    }

    private static FactEncoder Encoder(GeneratorOptions options) => new(new GeneratorCatalog(options), options, new FactSchemaIds(MovementId, VendorId));

    private static string Bytes(GeneratorOptions options)
    {
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        var encoder = Encoder(options);
        foreach (var fact in Facts(options))
        {
            encoder.Encode(in fact);
            hash.AppendData(encoder.Key);
            hash.AppendData(encoder.Value);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static AvroSchema Schema(string name) =>
        AvroSchema.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "schemas", "avro", name + ".avsc")));
}
