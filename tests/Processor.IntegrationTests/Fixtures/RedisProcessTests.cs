using StackExchange.Redis;
using Xunit;

namespace Stockflow.IntegrationTests.Fixtures;

public sealed class RedisProcessTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_killed_server_comes_back_on_its_port_with_what_was_on_disk(bool appendOnly)
    {
        await using var redis = await RedisProcess.StartAsync(new RedisProcessOptions { AppendOnly = appendOnly, AppendFsync = "always" });
        var endpoint = redis.Endpoint;
        using (var before = await redis.ConnectAsync())
        {
            await before.Database.StringSetAsync("key", "value");
        }

        redis.Kill();
        await redis.RestartAsync();

        Assert.Equal(endpoint, redis.Endpoint);
        using var after = await redis.ConnectAsync();
        Assert.Equal(appendOnly, await after.Database.KeyExistsAsync("key"));
    }

    [Fact]
    public async Task A_password_is_required_when_one_is_set()
    {
        await using var redis = await RedisProcess.StartAsync(new RedisProcessOptions { Password = "secret" });
        using (var connected = await redis.ConnectAsync())
        {
            Assert.True(await connected.Database.StringSetAsync("key", "value"));
        }

        await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectionMultiplexer.ConnectAsync($"{redis.Endpoint},connectTimeout=1000,connectRetry=1"));
    }

    [Fact]
    public async Task Two_servers_share_nothing()
    {
        await using var one = await RedisProcess.StartAsync();
        await using var other = await RedisProcess.StartAsync();
        using var toOne = await one.ConnectAsync();
        using var toOther = await other.ConnectAsync();
        await toOne.Database.StringSetAsync("key", "value");

        Assert.NotEqual(one.Endpoint, other.Endpoint);
        Assert.False(await toOther.Database.KeyExistsAsync("key"));
    }
}
