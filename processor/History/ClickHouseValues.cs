using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Stockflow.History;

/// <summary>Values between .NET and ClickHouse's text forms.</summary>
public static class ClickHouseValues
{
    /// <summary>
    /// Text of a query parameter's value. ClickHouse reads it as a field of a tab-separated file, so backslash, tab and line end
    /// are escaped and NULL is <c>\N</c> (under a Nullable type).
    /// </summary>
    public static string ToParameter(object? value) => value switch
    {
        null => "\\N",
        string text => Escape(text),
        // Inside an array only the literals' own escapes are read.
        IEnumerable items => ToLiteral(items),
        _ => ToText(value),
    };

    /// <summary>Quotes a name for SQL. A dot separates database and table.</summary>
    public static string Identifier(string name) =>
        string.Join('.', name.Split('.').Select(part => "`" + part.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("`", "\\`", StringComparison.Ordinal) + "`"));

    /// <summary>Reads a JSON value, where numbers may stand as text; dates are UTC.</summary>
    public static T? Read<T>(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return default;
        }

        var type = Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);
        if (type == typeof(JsonElement))
        {
            return (T)(object)value;
        }

        var text = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        object result = Type.GetTypeCode(type) switch
        {
            TypeCode.String => text,
            TypeCode.Boolean => text is "1" or "true",
            TypeCode.DateTime => DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal),
            _ when type == typeof(Guid) => Guid.Parse(text),
            _ => Convert.ChangeType(text, type, CultureInfo.InvariantCulture),
        };
        return (T)result;
    }

    public static string ToText(object value) => value switch
    {
        bool flag => flag ? "1" : "0",
        DateTimeOffset time => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture),
        DateTime time => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string ToLiteral(object? value)
    {
        switch (value)
        {
            case null:
                return "NULL";
            case string text:
                return $"'{Escape(text).Replace("'", "\\'", StringComparison.Ordinal)}'";
            case IEnumerable items:
                var builder = new StringBuilder("[");
                foreach (var item in items)
                {
                    builder.Append(builder.Length > 1 ? "," : "").Append(ToLiteral(item));
                }

                return builder.Append(']').ToString();
            case DateTime or DateTimeOffset or Guid:
                return $"'{ToText(value)}'";
            default:
                return ToText(value);
        }
    }

    private static string Escape(string text) => text
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\t", "\\t", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal)
        .Replace("\r", "\\r", StringComparison.Ordinal)
        .Replace("\0", "\\0", StringComparison.Ordinal);
}
