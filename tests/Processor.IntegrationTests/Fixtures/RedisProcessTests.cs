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
        using (var before = await ConnectAsync(redis))
        {
            await before.GetDatabase().StringSetAsync("key", "value");
        }

        redis.Kill();
        await redis.RestartAsync();

        Assert.Equal(endpoint, redis.Endpoint);
        using var after = await ConnectAsync(redis);
        Assert.Equal(appendOnly, await after.GetDatabase().KeyExistsAsync("key"));
    }

    [Fact]
    public async Task A_password_is_required_when_one_is_set()
    {
        await using var redis = await RedisProcess.StartAsync(new RedisProcessOptions { Password = "secret" });
        using (var connected = await ConnectAsync(redis))
        {
            Assert.True(await connected.GetDatabase().StringSetAsync("key", "value"));
        }

        await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectionMultiplexer.ConnectAsync($"{redis.Endpoint},connectTimeout=1000,connectRetry=1"));
    }

    [Fact]
    public async Task Two_servers_share_nothing()
    {
        await using var one = await RedisProcess.StartAsync();
        await using var other = await RedisProcess.StartAsync();
        using var toOne = await ConnectAsync(one);
        using var toOther = await ConnectAsync(other);
        await toOne.GetDatabase().StringSetAsync("key", "value");

        Assert.NotEqual(one.Endpoint, other.Endpoint);
        Assert.False(await toOther.GetDatabase().KeyExistsAsync("key"));
    }

    private static Task<ConnectionMultiplexer> ConnectAsync(RedisProcess redis) => ConnectionMultiplexer.ConnectAsync(redis.ConnectionString);
}
