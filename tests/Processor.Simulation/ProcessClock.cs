namespace Stockflow.Simulation;

/// <summary>The world's time, with timers that stop with their process.</summary>
internal sealed class ProcessClock(World world, SimulatedProcess process) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => world.Now;

    public override long GetTimestamp() => world.Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(world, process, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class VirtualTimer(World world, SimulatedProcess process, TimerCallback callback, object? state) : ITimer
    {
        // A later change makes the earlier event one of no meaning.
        private int changes;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var current = ++changes;
            if (dueTime >= TimeSpan.Zero)
            {
                world.After(dueTime, () => process.Deliver(() =>
                {
                    if (current == changes)
                    {
                        callback(state);
                    }
                }));
            }

            return true;
        }

        public void Dispose() => changes++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
