using System.CommandLine;
using System.Globalization;
using Stockflow.Embedded;

namespace Stockflow.Benchmarks;

/// <summary><c>bench peer</c>: the peer as a process of its own; not for people.</summary>
internal static class PeerCommand
{
    public const string Name = "peer";

    public static Command Create()
    {
        var arguments = new Argument<string[]>("arguments") { Arity = ArgumentArity.ZeroOrMore };
        var command = new Command(Name, "The pipeline that the processor is compared with.") { arguments };
        command.Hidden = true;
        command.SetAction((parsed, token) => Guard.RunAsync(async () =>
        {
            ParentWatch.StartIfAsked();
            var values = parsed.GetValue(arguments)!;
            await Peer.RunAsync(new PeerOptions(values[0], values[1], new Uri(values[2]), values[3],
                long.Parse(values[4], CultureInfo.InvariantCulture), int.Parse(values[5], CultureInfo.InvariantCulture)), token);
            await Hidden.UntilAskedAsync(token);
        }));
        return command;
    }
}
