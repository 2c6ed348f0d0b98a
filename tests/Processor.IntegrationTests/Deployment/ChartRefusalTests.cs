using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Deployment;

/// <summary>Values that can not work are refused before anything is installed, with the name of what is wrong.</summary>
public sealed class ChartRefusalTests
{
    [Theory]
    [InlineData("replicas=3", "replicas")]
    [InlineData("settings.kafka.bootstrapServer=a:1", "bootstrapServer")]
    [InlineData("settings.kafka.instanceId=a", "instanceId")]
    [InlineData("settings.http.urls=http://0.0.0.0:80", "urls")]
    [InlineData("settings.kafka.drainSeconds=0", "drainSeconds")]
    [InlineData("settings.kafka.drainSeconds=95", "drainSeconds")]
    [InlineData("settings.decode.requireKnownIds=maybe", "requireKnownIds")]
    [InlineData("settings.kafka.assignor=Sticky", "assignor")]
    [InlineData("settings.positions.connection=memory", "connection")]
    [InlineData("settings.positions.connection=redis:6379\\,password=p", "connection")]
    [InlineData("settings.clickhouse.password=p", "password")]
    [InlineData("settings.clickhouse.url=http://default:p@clickhouse:8123", "url")]
    [InlineData("settings.registry.userInfo=u:p", "userInfo")]
    [InlineData("settings.kafka.properties.sasl\\.password=p", "sasl.password")]
    [InlineData("settings.kafka.properties.ssl\\.key\\.pem=p", "ssl.key.pem")]
    [InlineData("secretFiles.redisPassword=p", "redisPassword")]
    [InlineData("secretFiles.redisPassword.secret=a", "key")]
    [InlineData("secretFiles.redisPasswort.secret=a,secretFiles.redisPasswort.key=b", "redisPasswort")]
    [InlineData("secretFiles.kafkaKey.secret=a,secretFiles.kafkaKey.key=b", "kafkaCertificate")]
    [InlineData("autoscaling.kind=both", "kind")]
    [InlineData("autoscaling.keda.enabled=true,autoscaling.kind=hpa", "keda")]
    [InlineData("autoscaling.kind=hpa,autoscaling.minReplicas=13", "autoscaling.minReplicas (13) is above autoscaling.maxReplicas (12)")]
    [InlineData("service.port=0", "port")]
    [InlineData("service.port=65536", "port")]
    [InlineData("networkPolicy.egress.kafka.ports[0]=70000", "ports")]
    [InlineData("networkPolicy.egress.everything.ports[0]=1", "everything")]
    [InlineData("terminationGracePeriodSeconds=54", "with settings.kafka.drainSeconds a pod needs up to 55 seconds")]
    [InlineData("settings.kafka.drainSeconds=60,terminationGracePeriodSeconds=60", "with settings.kafka.drainSeconds a pod needs up to 95 seconds")]
    [InlineData("image.tag=latest", "tag")]
    [InlineData("image.digest=sha256:abc", "digest")]
    [InlineData("ingress.enabled=true", "hosts")]
    [InlineData("podDisruptionBudget.maxUnavailable=0", "maxUnavailable")]
    [InlineData("resources.limits=null", "limits")]
    [InlineData("topologySpread.zone=Always", "zone")]
    public async Task Refused(string set, string named)
    {
        var (code, _, errors) = await Helm.RunAsync("template", "release", Helm.Chart, "--set", set);
        Assert.NotEqual(0, code);
        Assert.Contains(named, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("settings.kafka.drainSeconds=60,terminationGracePeriodSeconds=95")]
    [InlineData("autoscaling.kind=hpa,autoscaling.minReplicas=12")]
    [InlineData("service.port=65535")]
    [InlineData("resources.limits.cpu=4")]
    [InlineData("secretFiles.redisPassword.secret=a,secretFiles.redisPassword.key=b")]
    [InlineData("settings.kafka.properties.sasl\\.mechanism=PLAIN")]
    public async Task The_nearest_that_works_is_taken(string set) => await Helm.OutputAsync("template", "release", Helm.Chart, "--set", set);
}
