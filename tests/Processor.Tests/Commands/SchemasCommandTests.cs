using Stockflow.Commands;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Commands;

public sealed class SchemasCommandTests
{
    [Theory]
    [InlineData("BACKWARD", 0)]
    [InlineData("FORWARD", 1)]
    [InlineData("FULL_TRANSITIVE", 1)]
    public async Task A_field_that_older_consumers_need_may_go_only_backward(string mode, int expected)
    {
        var (older, newer) = Folders();
        Assert.Equal(expected, await RunAsync("check", "--schemas", newer, "--against", older, "--mode", mode));
    }

    [Fact]
    public async Task The_delivered_schemas_are_compatible_with_themselves() =>
        Assert.Equal(0, await RunAsync("check", "--against", SchemaCatalog.DefaultFolder, "--mode", "FULL"));

    [Theory]
    [InlineData(2, "check")]
    [InlineData(2, "check", "--against", "/nowhere", "--mode", "SOMETIMES")]
    [InlineData(3, "check", "--against", "/nowhere")]
    [InlineData(3, "check", "--registry-url", "nonsense")]
    public async Task Wrong_usage_and_missing_peers_have_their_own_codes(int expected, params string[] arguments) =>
        Assert.Equal(expected, await RunAsync(arguments));

    private static Task<int> RunAsync(params string[] arguments) => SchemasCommand.Create().Parse(arguments).InvokeAsync();

    private static (string Older, string Newer) Folders()
    {
        var root = Directory.CreateTempSubdirectory("stockflow").FullName;
        var (older, newer) = (Path.Combine(root, "1"), Path.Combine(root, "2"));
        Directory.CreateDirectory(older);
        Directory.CreateDirectory(newer);
        File.WriteAllText(Path.Combine(older, "R.avsc"), """{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}""");
        File.WriteAllText(Path.Combine(newer, "R.avsc"), """{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}""");
        return (older, newer);
    }
}
