using System.Collections;
using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>
/// Settings come, later ones winning, from <c>appsettings.json</c>, from environment variables such as
/// <c>STOCKFLOW__KAFKA__BOOTSTRAPSERVERS</c> and from flags such as <c>--kafka.bootstrap-servers</c>. A key that no stage knows is an error.
/// </summary>
internal static class Settings
{
    private const string EnvironmentPrefix = "STOCKFLOW__";

    /// <summary>A flag for every setting, made from the options records.</summary>
    public static IEnumerable<Option> Flags => FlagsOfLeaves.Select(f => f.Option);

    /// <summary>Every setting, in the order of the options records.</summary>
    internal static IReadOnlyList<Leaf> Known { get; } = [.. Leaves(typeof(ProcessorOptions), "", new ProcessorOptions())];

    // A process's arguments are for everybody on the machine to read, so what is secret has no flag.
    private static IReadOnlyList<(Leaf Leaf, Option<string[]> Option)> FlagsOfLeaves { get; } =
        [.. Known.Where(leaf => !leaf.IsSecret).Select(leaf => (leaf, Flag(leaf)))];

    /// <summary>The option that names the settings file.</summary>
    public static Option<string?> FileOption() => new("--config") { Description = "Settings file. Default: appsettings.json here, else beside the program." };

    /// <summary>Gives a command a flag for every setting.</summary>
    public static void AddFlags(Command command)
    {
        foreach (var flag in Flags)
        {
            command.Options.Add(flag);
        }
    }

    /// <summary>The same for commands that people run: what is wrong in the settings is wrong usage.</summary>
    /// <exception cref="UsageException">As <see cref="Load"/> says it.</exception>
    public static ProcessorOptions LoadAsUsage(string? file, ParseResult parsed)
    {
        try
        {
            return Load(file, parsed);
        }
        catch (SetupException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <exception cref="SetupException">A key is unknown, a value is not of its type, or a setting can not work; one line each.</exception>
    public static ProcessorOptions Load(string? file, ParseResult parsed)
    {
        var builder = new ConfigurationBuilder();
        var path = file ?? DefaultFile();
        if (file is not null && !File.Exists(file))
        {
            throw new SetupException($"There is no settings file {file}.");
        }

        try
        {
            if (path is not null)
            {
                Check(new ConfigurationBuilder().AddJsonFile(Path.GetFullPath(path)).Build(), path);
                builder.AddJsonFile(Path.GetFullPath(path));
            }

            Check(new ConfigurationBuilder().AddEnvironmentVariables(EnvironmentPrefix).Build(), "the environment (" + EnvironmentPrefix + "...)");
            builder.AddEnvironmentVariables(EnvironmentPrefix).AddInMemoryCollection(FromFlags(parsed));
            var options = builder.Build().Get<ProcessorOptions>() ?? new ProcessorOptions();
            options.Validate();
            return options;
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or FormatException)
        {
            // The binder's own message names the key; of a file's problem the parser's message names the place.
            throw new SetupException((e is InvalidOperationException ? e : e.GetBaseException()).Message.Split('\n')[0], e);
        }
    }

    private static string? DefaultFile() =>
        new[] { "appsettings.json", Path.Combine(AppContext.BaseDirectory, "appsettings.json") }.FirstOrDefault(File.Exists);

    private static void Check(IConfigurationRoot configuration, string source)
    {
        foreach (var (key, value) in configuration.AsEnumerable())
        {
            if (value is not null && !Known.Any(k => Matches(k, key)))
            {
                var name = key.Replace(':', '.');
                var nearest = Known.MinBy(k => Distance(k.Path, name.ToUpperInvariant()));
                throw new SetupException($"Unknown setting '{name}' in {source}; the nearest known one is '{nearest?.Path}'.");
            }
        }
    }

    private static bool Matches(Leaf leaf, string key)
    {
        var path = leaf.Path.Replace('.', ':');
        return key.Equals(path, StringComparison.OrdinalIgnoreCase)
            || (leaf.IsMap && key.StartsWith(path + ":", StringComparison.OrdinalIgnoreCase));
    }

    private static Dictionary<string, string?> FromFlags(ParseResult parsed)
    {
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (leaf, option) in FlagsOfLeaves)
        {
            var key = leaf.Path.Replace('.', ':');
            foreach (var text in parsed.GetValue(option) ?? [])
            {
                if (!leaf.IsMap)
                {
                    values[key] = text;
                    continue;
                }

                var at = text.IndexOf('=', StringComparison.Ordinal);
                SetupException.ThrowIf(at <= 0, $"{option.Name} takes name=value, not '{text}'.");
                values[key + ":" + text[..at]] = text[(at + 1)..];
            }
        }

        return values;
    }

    private static Option<string[]> Flag(Leaf leaf)
    {
        var text = leaf.Default switch
        {
            null or "" => "unset",
            string s => s,
            Uri u => u.ToString(),
            bool b => b ? "true" : "false",
            IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
            _ => "none",
        };
        return new Option<string[]>("--" + Kebab(leaf.Path))
        {
            Description = leaf.IsMap ? "Repeatable name=value." : $"Default: {text}.",
            Arity = ArgumentArity.OneOrMore,
            HelpName = leaf.IsMap ? "name=value" : leaf.Type.Name.ToLowerInvariant(),
        };
    }

    private static IEnumerable<Leaf> Leaves(Type type, string prefix, object? defaults)
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite))
        {
            var name = prefix + char.ToLowerInvariant(property.Name[0]) + property.Name[1..];
            var value = defaults is null ? null : property.GetValue(defaults);
            var propertyType = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            var isMap = propertyType != typeof(string) && typeof(IEnumerable).IsAssignableFrom(propertyType);
            if (isMap || propertyType.IsPrimitive || propertyType.IsEnum || propertyType == typeof(decimal) || propertyType == typeof(string) || propertyType == typeof(Uri))
            {
                yield return new Leaf(name, propertyType, isMap, value);
                continue;
            }

            foreach (var leaf in Leaves(propertyType, name + ".", value))
            {
                yield return leaf;
            }
        }
    }

    private static string Kebab(string path)
    {
        var kebab = new StringBuilder();
        foreach (var c in path)
        {
            if (char.IsUpper(c))
            {
                kebab.Append('-');
            }

            kebab.Append(char.ToLowerInvariant(c));
        }

        return kebab.ToString();
    }

    // Levenshtein's distance, for "did you mean".
    private static int Distance(string known, string given)
    {
        var a = known.ToUpperInvariant();
        var row = Enumerable.Range(0, given.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= given.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == given[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }

    /// <param name="Path">Such as <c>kafka.groupId</c>.</param>
    /// <param name="Type">Of one value; of a map the dictionary's type.</param>
    /// <param name="IsMap">Whether it holds values by names that are nobody's to know.</param>
    /// <param name="Default">What it is unless it is set.</param>
    internal sealed record Leaf(string Path, Type Type, bool IsMap, object? Default)
    {
        private static readonly string[] Secrets = ["password", "userInfo", "bearerToken"];

        public bool IsSecret => Secrets.Contains(Path[(Path.LastIndexOf('.') + 1)..]);
    }
}
