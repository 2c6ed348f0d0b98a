using System.CommandLine;
using System.Globalization;

namespace Stockflow.Benchmarks;

/// <summary>Bounded numbers of the command line.</summary>
internal static class NumberOption
{
    /// <summary>An option that takes a whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static Option<long> Create(string name, string description, long value, long least, long most)
    {
        var option = new Option<long>(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(long.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most))
            {
                result.AddError($"{name} must be from {least} to {most}.");
            }
        });
        return option;
    }
}
