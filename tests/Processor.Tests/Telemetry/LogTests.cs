using System.Reflection;
using Microsoft.Extensions.Logging;
using Stockflow.Telemetry;
using Xunit;

namespace Stockflow.Tests.Telemetry;

public sealed class LogTests
{
    [Fact]
    public void Event_ids_are_unique_and_explicit()
    {
        var events = typeof(Log).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(method => (method.Name, Attribute: method.GetCustomAttribute<LoggerMessageAttribute>()))
            .Where(method => method.Attribute is not null).ToArray();
        Assert.NotEmpty(events);
        Assert.All(events, entry => Assert.InRange(entry.Attribute!.EventId, 100, 999));
        var shared = events.GroupBy(entry => entry.Attribute!.EventId).Where(group => group.Count() > 1)
            .Select(group => $"{group.Key}: {string.Join(", ", group.Select(entry => entry.Name))}");
        Assert.Empty(shared);
    }
}
