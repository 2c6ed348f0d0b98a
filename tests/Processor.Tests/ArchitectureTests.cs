using System.Text.RegularExpressions;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests;

/// <summary>
/// A stage uses Model, Telemetry, Avro and itself, never another stage; the shared folders use no stage. Only the composition roots
/// (Commands, and the root namespace with Pipeline and Program) combine stages.
/// </summary>
public sealed partial class ArchitectureTests
{
    private static readonly string[] Stages = ["Source", "Decode", "Dedupe", "Position", "Window", "History", "Embedded", "Serve"];
    private static readonly string[] Shared = ["Model", "Telemetry", "Avro"];
    private static readonly string[] Roots = ["Commands", ""];

    [Fact]
    public void Every_folder_has_a_role()
    {
        var folders = Directory.GetDirectories(Path.Combine(Repository.Root, "processor")).Select(folder => Path.GetFileName(folder)!);
        Assert.Empty(folders.Except([.. Stages, .. Shared, .. Roots, "bin", "obj", "Properties"]));
        Assert.Empty(Types().Select(type => Folder(type)!).Distinct().Except([.. Stages, .. Shared, .. Roots]));
    }

    [Fact]
    public void No_stage_uses_another_stage_in_its_compiled_code()
    {
        var violations = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var type in Types())
        {
            foreach (var used in TypeReferences.Of(type))
            {
                if (Folder(used) is { } target && !May(Folder(type)!, target))
                {
                    violations.Add($"{Outermost(type).FullName} uses {used.FullName}");
                }
            }
        }

        Assert.Empty(violations);
    }

    // Constants are copied into the code that uses them, so only the source shows where they came from.
    [Fact]
    public void No_stage_names_another_stage_in_its_source()
    {
        var root = Path.Combine(Repository.Root, "processor");
        var violations = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var folder in Stages.Concat(Shared).Where(folder => Directory.Exists(Path.Combine(root, folder))))
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
            {
                foreach (Match name in QualifiedName().Matches(File.ReadAllText(file)))
                {
                    if (Stages.Contains(name.Groups[1].Value) && !May(folder, name.Groups[1].Value))
                    {
                        violations.Add($"{Path.GetRelativePath(root, file)} names {name.Value}");
                    }
                }
            }
        }

        Assert.Empty(violations);
    }

    [Fact]
    public void The_scan_sees_what_only_a_method_body_names() =>
        Assert.Contains(typeof(SetupException), TypeReferences.Of(typeof(Probe)));

    private static bool May(string folder, string target) =>
        folder == target || Roots.Contains(folder) || Shared.Contains(target);

    private static IEnumerable<Type> Types() => typeof(SetupException).Assembly.GetTypes().Where(type => Folder(type) is not null);

    /// <summary>The folder of one of the project's types, "" for the root; null for types of others and of the compiler.</summary>
    private static string? Folder(Type type)
    {
        if (type.Assembly != typeof(SetupException).Assembly || Outermost(type).Namespace is not { } space || !space.StartsWith("Stockflow", StringComparison.Ordinal))
        {
            return null;
        }

        var parts = space.Split('.');
        return parts.Length == 1 ? "" : parts[1];
    }

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    [GeneratedRegex(@"\bStockflow\.(\w+)")]
    private static partial Regex QualifiedName();

    private static class Probe
    {
        public static void Throw() => throw new SetupException("never called");
    }
}
