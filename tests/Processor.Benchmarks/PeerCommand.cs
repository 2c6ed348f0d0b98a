using System.CommandLine;
using System.Globalization;

namespace Stockflow.Benchmarks;

/// <summary><c>bench peer</c>: the peer as a process of its own; not for people.</summary>
internal static class PeerCommand
{
    public const string Name = "peer";

    public static Command Create() => Hidden.Create(Name, "The pipeline that the processor is compared with.", (values, token) =>
        Peer.RunAsync(new PeerOptions(values[0], values[1], new Uri(values[2]), values[3],
            long.Parse(values[4], CultureInfo.InvariantCulture), int.Parse(values[5], CultureInfo.InvariantCulture)), token));
}
