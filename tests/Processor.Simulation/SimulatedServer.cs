namespace Stockflow.Simulation;

/// <summary>A server that processes talk to; requests to it are handled one at a time.</summary>
internal abstract class SimulatedServer(string name)
{
    private bool isAway;

    public string Name { get; } = name;

    public bool IsUp => !isAway;

    /// <summary>Refuses connections for a while.</summary>
    public void GoAway(World world, TimeSpan time)
    {
        if (!IsUp)
        {
            return;
        }

        isAway = true;
        world.Say(Name, $"away for {time.TotalSeconds:F2} s");
        world.After(time, () =>
        {
            isAway = false;
            world.Say(Name, "back");
        });
    }
}
