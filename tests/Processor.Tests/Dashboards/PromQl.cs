namespace Stockflow.Tests.Dashboards;

/// <summary>What the linter must know of a PromQL expression: its selectors and what stands around them. promtool checks the grammar.</summary>
internal static class PromQl
{
    private static readonly HashSet<string> LabelLists = ["by", "without", "on", "ignoring", "group_left", "group_right"];
    private static readonly HashSet<string> Words = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"];

    /// <summary>One label matcher, such as <c>job=~"$job"</c>.</summary>
    public sealed record Matcher(string Label, string Operator, string Value);

    /// <summary>One selector. Range is what stands in brackets behind it, Function the function or aggregation directly around it; both may be empty.</summary>
    public sealed record Selector(string Metric, IReadOnlyList<Matcher> Matchers, string Range, string Function);

    /// <exception cref="FormatException">A bracket or a quote is left open.</exception>
    public static IReadOnlyList<Selector> Selectors(string expression)
    {
        var found = new List<Selector>();
        var around = new Stack<string>();
        var pending = "";
        var at = 0;
        while (at < expression.Length)
        {
            var next = expression[at];
            if (char.IsLetter(next) || next is '_' or ':' or '{')
            {
                var name = Take(expression, ref at, letter => char.IsLetterOrDigit(letter) || letter is '_' or ':');
                Skip(expression, ref at);
                var follows = at < expression.Length ? expression[at] : ' ';
                if (LabelLists.Contains(name))
                {
                    if (follows == '(')
                    {
                        at = Close(expression, at, '(', ')');
                    }
                }
                else if (follows == '(' && name.Length > 0)
                {
                    pending = name;
                }
                else if (IsAggregation(expression, at))
                {
                    pending = name;
                }
                else if (!Words.Contains(name))
                {
                    found.Add(Rest(expression, ref at, name, around.TryPeek(out var function) ? function : ""));
                }
            }
            else if (char.IsDigit(next))
            {
                Take(expression, ref at, letter => char.IsLetterOrDigit(letter) || letter == '.');
            }
            else
            {
                switch (next)
                {
                    case '(':
                        around.Push(pending);
                        pending = "";
                        at++;
                        break;
                    case ')':
                        at++;
                        if (!around.TryPop(out _))
                        {
                            throw new FormatException($"a bracket is closed that was not opened: {expression}");
                        }

                        break;
                    case '"':
                        at = Quote(expression, at);
                        break;
                    default:
                        at++;
                        break;
                }
            }
        }

        return around.Count == 0 ? found : throw new FormatException($"a bracket is left open: {expression}");
    }

    private static Selector Rest(string expression, ref int at, string metric, string function)
    {
        var matchers = new List<Matcher>();
        if (at < expression.Length && expression[at] == '{')
        {
            var end = Close(expression, at, '{', '}');
            for (at++; ;)
            {
                Skip(expression, ref at, ',');
                if (at >= end - 1)
                {
                    break;
                }

                var label = Take(expression, ref at, letter => char.IsLetterOrDigit(letter) || letter == '_');
                Skip(expression, ref at);
                var comparison = Take(expression, ref at, letter => letter is '=' or '~' or '!');
                Skip(expression, ref at);
                if (label.Length == 0 || comparison.Length == 0 || expression[at] != '"')
                {
                    throw new FormatException($"a matcher can not be read: {expression}");
                }

                var close = Quote(expression, at);
                matchers.Add(new Matcher(label, comparison, expression[(at + 1)..(close - 1)]));
                at = close;
            }

            at = end;
        }

        Skip(expression, ref at);
        if (at < expression.Length && expression[at] == '[')
        {
            var close = Close(expression, at, '[', ']');
            var range = expression[(at + 1)..(close - 1)];
            at = close;
            return new Selector(metric, matchers, range, function);
        }

        return new Selector(metric, matchers, "", function);
    }

    // 'sum by (stage) (...)': the word is an aggregation where a list of labels follows.
    private static bool IsAggregation(string expression, int at) =>
        Take(expression, ref at, char.IsLetter) is "by" or "without";

    private static string Take(string text, ref int at, Predicate<char> belongs)
    {
        var start = at;
        while (at < text.Length && belongs(text[at]))
        {
            at++;
        }

        return text[start..at];
    }

    private static void Skip(string text, ref int at, char other = ' ') => Take(text, ref at, letter => char.IsWhiteSpace(letter) || letter == other);

    private static int Close(string text, int at, char open, char close)
    {
        for (var depth = 0; at < text.Length;)
        {
            if (text[at] == '"')
            {
                at = Quote(text, at);
                continue;
            }

            depth += text[at] == open ? 1 : text[at] == close ? -1 : 0;
            at++;
            if (depth == 0)
            {
                return at;
            }
        }

        throw new FormatException($"'{open}' is left open: {text}");
    }

    private static int Quote(string text, int at)
    {
        for (at++; at < text.Length; at++)
        {
            if (text[at] == '\\')
            {
                at++;
            }
            else if (text[at] == '"')
            {
                return at + 1;
            }
        }

        throw new FormatException($"a quote is left open: {text}");
    }
}
