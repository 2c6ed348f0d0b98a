using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Tests;
using Xunit;

namespace Stockflow.IntegrationTests.Deployment;

/// <summary>What Compose mounts, judged by the tools of Prometheus.</summary>
public sealed class PrometheusConfigurationTests
{
    [Theory]
    [InlineData("promtool", "check", "config", "prometheus.yml")]
    [InlineData("amtool", "check-config", "alertmanager.yml")]
    public async Task The_configuration_can_be_loaded(string tool, params string[] arguments)
    {
        await using var process = ServerProcess.Start(tool, [.. arguments[..^1], Path.Combine(Repository.Root, "alerts", arguments[^1])]);
        Assert.True(await process.WaitForExitAsync() == 0, process.Output);
    }
}
