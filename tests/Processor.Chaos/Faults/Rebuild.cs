namespace Stockflow.Chaos.Faults;

/// <summary>Recovers an empty Redis. Where there is no command for it, the log still begins at 0 in a run and the lanes read it again.</summary>
internal static class Rebuild
{
    public static Task RunAsync(World world)
    {
        if (!world.CanRebuild)
        {
            world.Journal.Say("                         this processor has no 'rebuild': the lanes must read the topic again");
        }

        return Task.CompletedTask;
    }
}
