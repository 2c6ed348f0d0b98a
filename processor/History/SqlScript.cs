using System.Text;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Splits a file of SQL into statements at semicolons outside quotes and comments.</summary>
public static class SqlScript
{
    /// <exception cref="FormatException">A quote or comment has no end.</exception>
    public static IReadOnlyList<string> Split(string script)
    {
        var text = Encoding.UTF8.GetBytes(script);
        var statements = new List<string>();
        var lexer = new SqlLexer(text);
        var start = -1;
        var end = 0;
        while (lexer.Next())
        {
            if (lexer.Kind == SqlToken.Unterminated)
            {
                throw new FormatException($"line {text.AsSpan(0, lexer.Start).Count((byte)'\n') + 1}: a quote or comment without its end");
            }

            if (lexer.IsSymbol((byte)';'))
            {
                Take();
                continue;
            }

            start = start < 0 ? lexer.Start : start;
            end = lexer.End;
        }

        Take();
        return statements;

        void Take()
        {
            if (start >= 0)
            {
                statements.Add(Encoding.UTF8.GetString(text, start, end - start));
            }

            start = -1;
        }
    }
}
