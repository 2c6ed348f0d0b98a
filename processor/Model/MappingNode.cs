using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Stockflow.Model;

/// <summary>A node of a YAML or JSON file that knows its file, line and place, and refuses what it does not know.</summary>
internal sealed class MappingNode
{
    private const int MaximumCharacters = 1024 * 1024;
    private readonly string file;
    private readonly string path;

    private MappingNode(string file, string path, YamlNode node)
    {
        this.file = file;
        this.path = path;
        Node = node;
    }

    public YamlNode Node { get; }

    public bool IsScalar => Node is YamlScalarNode;

    public bool IsMap => Node is YamlMappingNode;

    public bool IsList => Node is YamlSequenceNode;

    /// <summary>The root of a YAML or JSON text.</summary>
    /// <exception cref="SetupException">The text is no mapping.</exception>
    public static MappingNode Parse(string file, string text)
    {
        if (text.Length > MaximumCharacters)
        {
            throw new SetupException($"{file}: it is longer than {MaximumCharacters} characters.");
        }

        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException error)
        {
            throw new SetupException($"{file}:{error.Start.Line}: {error.Message}", error);
        }

        return stream.Documents.Count == 1 && stream.Documents[0].RootNode is YamlMappingNode root
            ? new MappingNode(file, "", root)
            : throw new SetupException($"{file}:1: one document of keys and values is expected.");
    }

    public SetupException Error(string message) =>
        new($"{file}:{Node.Start.Line}: {(path.Length == 0 ? "" : path + ": ")}{message}");

    /// <summary>Refuses every key that is not named.</summary>
    public void Allow(params ReadOnlySpan<string> keys)
    {
        if (Node is not YamlMappingNode map)
        {
            throw Error("keys and values are expected here.");
        }

        foreach (var key in map.Children.Keys)
        {
            var name = key is YamlScalarNode scalar ? scalar.Value ?? "" : "";
            if (keys.IndexOf(name) < 0)
            {
                throw new MappingNode(file, path, key).Error($"unknown key '{name}'; known: {string.Join(", ", keys.ToArray())}.");
            }
        }
    }

    public MappingNode? Find(string key) =>
        Node is YamlMappingNode map && map.Children.TryGetValue(new YamlScalarNode(key), out var value)
            ? new MappingNode(file, path.Length == 0 ? key : path + "." + key, value)
            : null;

    public MappingNode Require(string key) => Find(key) ?? throw Error($"the key '{key}' is missing.");

    /// <summary>The scalar's text; YAML's plain null and an empty value are empty.</summary>
    public string Text()
    {
        var scalar = Node as YamlScalarNode ?? throw Error("a single value is expected here.");
        return scalar.Style == ScalarStyle.Plain && scalar.Value is "null" or "~" ? "" : scalar.Value ?? "";
    }

    public string? Text(string key) => Find(key)?.Text();

    public bool Flag(string key, bool otherwise) => Find(key) is not { } node ? otherwise : node.Text() switch
    {
        "true" => true,
        "false" => false,
        var text => throw node.Error($"'{text}' is neither true nor false."),
    };

    public IEnumerable<MappingNode> Items()
    {
        var list = Node as YamlSequenceNode ?? throw Error("a list is expected here.");
        return list.Children.Select((item, index) => new MappingNode(file, $"{path}[{index}]", item));
    }

    /// <summary>One value or a list of them.</summary>
    public IReadOnlyList<string> Texts() => IsList ? [.. Items().Select(item => item.Text())] : [Text()];

    public IEnumerable<(string Key, MappingNode Value)> Entries()
    {
        var map = Node as YamlMappingNode ?? throw Error("keys and values are expected here.");
        foreach (var (key, value) in map.Children)
        {
            var name = (key as YamlScalarNode)?.Value ?? throw Error("a key is a single value.");
            yield return (name, new MappingNode(file, path.Length == 0 ? name : path + "." + name, value));
        }
    }

    /// <summary>One of the named choices.</summary>
    public T Choice<T>(params ReadOnlySpan<(string Name, T Value)> choices)
    {
        var text = Text();
        var names = new List<string>();
        foreach (var (name, value) in choices)
        {
            if (name == text)
            {
                return value;
            }

            names.Add(name);
        }

        throw Error($"'{text}' is none of: {string.Join(", ", names)}.");
    }
}
