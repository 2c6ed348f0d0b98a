using System.Text;
using System.Text.Json;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>A <see cref="StockTransaction"/> as the arguments of <see cref="StockScript.Execute"/>: the first is its shape as JSON, the others the texts that it names by number.</summary>
internal sealed class StockPlan
{
    private readonly List<RedisValue> arguments = [default];
    private readonly List<string> tags = [];
    private readonly Dictionary<PositionKey, int> places = [];
    private readonly List<(int Tag, int Sku, int Location)> placeTexts = [];
    private readonly List<StockCheck> checks = [];
    private readonly Func<string, string> tagOf;

    private StockPlan(Func<string, string> tagOf) => this.tagOf = tagOf;

    /// <param name="transaction">What to do.</param>
    /// <param name="keyMilliseconds">How long the answer is kept under its idempotency key.</param>
    /// <param name="tagOf">The hash tag of a SKU's lane.</param>
    public static RedisValue[] Encode(StockTransaction transaction, long keyMilliseconds, Func<string, string> tagOf)
    {
        var plan = new StockPlan(tagOf);
        plan.arguments[0] = plan.Write(transaction, keyMilliseconds);
        return [.. plan.arguments];
    }

    private byte[] Write(StockTransaction transaction, long keyMilliseconds)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        if (transaction.Key is { } key)
        {
            json.WriteNumber("key", Text(key));
            json.WriteNumber("hash", Text(transaction.RequestHash));
            json.WriteNumber("answer", Text(transaction.Answer));
            json.WriteNumber("keep", keyMilliseconds);
        }

        WriteTime(json, "before", transaction.BeforeTs);
        WriteTime(json, "from", transaction.FromTs);
        WriteEach(json, "docs", transaction.Documents, WriteDocument);
        WriteEach(json, "moves", transaction.Moves, WriteMove);
        WriteEach(json, "holds", transaction.Holds, (writer, hold) =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("place", Place(hold.SkuId, hold.LocationId));
            writer.WriteNumber("id", Text(hold.Id));
            writer.WriteNumber("units", hold.Quantity);
            writer.WriteNumber("due", hold.ExpiresTs);
            writer.WriteEndObject();
        });
        WriteEach(json, "buffers", transaction.Buffers, (writer, buffer) => WriteNumbers(writer, Place(buffer.SkuId, buffer.LocationId), buffer.Units));
        WriteEach(json, "dated", transaction.Dated, (writer, dated) =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("place", Place(dated.SkuId, dated.LocationId));
            writer.WriteNumber("source", Text(dated.Source));
            writer.WriteNumber("units", dated.Quantity);
            writer.WriteNumber("due", dated.DueTs);
            writer.WriteEndObject();
        });
        WriteEach(json, "tags", tags, static (writer, tag) => writer.WriteStringValue(tag));
        WriteEach(json, "places", placeTexts, (writer, place) => WriteNumbers(writer, place.Tag, place.Sku, place.Location));
        WriteEach(json, "checks", checks, static (writer, check) => writer.WriteNumberValue((int)check));
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private void WriteDocument(Utf8JsonWriter json, DocumentWrite document)
    {
        json.WriteStartObject();
        json.WriteString("kind", document.Kind);
        json.WriteNumber("id", Text(document.Id));
        json.WriteNumber("revision", document.Revision);
        if (document.Body is { } body)
        {
            json.WriteNumber("body", Text(body));
        }

        json.WriteNumber("due", document.DueTs);
        WriteEach(json, "enters", document.Enters, (writer, list) => writer.WriteNumberValue(Text(list)));
        WriteEach(json, "leaves", document.Leaves, (writer, list) => writer.WriteNumberValue(Text(list)));
        json.WriteEndObject();
    }

    private void WriteMove(Utf8JsonWriter json, StockMove move)
    {
        json.WriteStartObject();
        json.WriteNumber("tag", Tag(move.SkuId));
        json.WriteNumber("id", Text(move.EventId));
        json.WriteNumber("body", Text(JsonSerializer.SerializeToUtf8Bytes(move, OutboxJson.Default.StockMove)));
        var undo = new System.Buffers.ArrayBufferWriter<byte>(96);
        using var undoJson = new Utf8JsonWriter(undo);
        undoJson.WriteStartArray();
        json.WriteStartArray("effects");
        foreach (var (location, change) in Effects(move))
        {
            var place = Place(move.SkuId, location);
            if (location == move.LocationId && move.Check > checks[place - 1])
            {
                checks[place - 1] = move.Check;
            }

            WriteNumbers(json, place, change.OnHand, change.Unsellable, change.Reserved, change.InTransitIn, change.InTransitOut);
            undoJson.WriteStartArray();
            undoJson.WriteStringValue(move.SkuId);
            undoJson.WriteStringValue(location);
            foreach (var number in (ReadOnlySpan<long>)[change.OnHand, change.Unsellable, change.Reserved, change.InTransitIn, change.InTransitOut])
            {
                undoJson.WriteNumberValue(number);
            }

            undoJson.WriteEndArray();
        }

        json.WriteEndArray();
        undoJson.WriteEndArray();
        undoJson.Flush();
        json.WriteNumber("undo", Text(undo.WrittenSpan.ToArray()));
        json.WriteEndObject();
    }

    // What the lane's own rules make of the movement.
    private static IEnumerable<(string Location, PositionState Change)> Effects(StockMove move)
    {
        if (move.Type is MovementType.CycleCount or MovementType.Correction or MovementType.Unknown)
        {
            throw new ArgumentException($"A command can not make a {move.Type.Name()}: what it does depends on the ledger.", nameof(move));
        }

        var movement = new Movement { Type = move.Type, QtyDelta = move.Quantity, EventTs = long.MaxValue };
        var change = default(PositionState);
        PositionRules.Apply(ref change, movement);
        yield return (move.LocationId, change);
        if (move.CounterpartId is { } counterpart && move.Type is MovementType.TransferOut or MovementType.TransferIn)
        {
            change = default;
            PositionRules.ApplyCounterpart(ref change, movement);
            yield return (move.CounterpartId!, change);
        }
    }

    private int Place(string skuId, string locationId)
    {
        var key = new PositionKey(skuId, locationId);
        if (!places.TryGetValue(key, out var place))
        {
            placeTexts.Add((Tag(skuId), Text(skuId), Text(locationId)));
            checks.Add(StockCheck.None);
            places[key] = place = placeTexts.Count;
        }

        return place;
    }

    private int Tag(string skuId)
    {
        var tag = tagOf(skuId);
        var found = tags.IndexOf(tag);
        if (found < 0)
        {
            tags.Add(tag);
            found = tags.Count - 1;
        }

        return found + 1;
    }

    private int Text(RedisValue text)
    {
        arguments.Add(text);
        return arguments.Count;
    }

    private static void WriteTime(Utf8JsonWriter json, string name, long ts)
    {
        if (ts > 0)
        {
            json.WriteNumber(name, ts);
        }
    }

    private static void WriteNumbers(Utf8JsonWriter json, params ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray();
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    private static void WriteEach<T>(Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            write(json, item);
        }

        json.WriteEndArray();
    }
}

[System.Text.Json.Serialization.JsonSourceGenerationOptions(DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
[System.Text.Json.Serialization.JsonSerializable(typeof(StockMove))]
internal sealed partial class OutboxJson : System.Text.Json.Serialization.JsonSerializerContext;
