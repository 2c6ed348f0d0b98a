namespace Stockflow.Simulation;

/// <summary>
/// Virtual time and the only thread. What has happened is an event at a time; what an event sets going runs at once, in the order in
/// which it was posted; then the clock jumps to the next event. The same seed gives the same run.
/// </summary>
internal sealed class World(int seed, TextWriter? trace) : SynchronizationContext
{
    private const long MostSteps = 3_000_000;
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch.AddDays(20_000);
    private readonly Queue<(SendOrPostCallback Callback, object? State)> ready = new();
    private readonly PriorityQueue<Action, (long Ticks, long Number)> events = new();
    private readonly SortedDictionary<string, long> figures = [];
    private long number;
    private Exception? failure;
    private int thread;

    public Random Random { get; } = new(seed);

    public DateTimeOffset Now { get; private set; } = Start;

    public TimeSpan Elapsed => Now - Start;

    public bool IsTraced => trace is not null;

    /// <summary>What happened how often, by name.</summary>
    public IReadOnlyDictionary<string, long> Figures => figures;

    /// <summary>Events and what they set going.</summary>
    public long Steps { get; private set; }

    public void Count(string figure) => figures[figure] = figures.GetValueOrDefault(figure) + 1;

    public void Say(string who, string what) => trace?.WriteLine($"{Elapsed.TotalSeconds,10:F4}  {who,-8} {what}");

    public bool Chance(double probability) => probability > 0 && Random.NextDouble() < probability;

    /// <summary>A time between two figures in milliseconds.</summary>
    public TimeSpan Between(double from, double to) => TimeSpan.FromTicks((long)((from + (Random.NextDouble() * (to - from))) * TimeSpan.TicksPerMillisecond));

    public void After(TimeSpan delay, Action action) => events.Enqueue(action, ((Now + delay).Ticks, number++));

    /// <summary>Starts work that ends by itself, or never; its failure is the run's.</summary>
    public async void Begin(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e)
        {
            failure ??= e;
        }
    }

    public Task WaitAsync(TimeSpan delay)
    {
        var waiting = new TaskCompletionSource();
        After(delay, waiting.SetResult);
        return waiting.Task;
    }

    /// <summary>Runs until <paramref name="method"/> has ended.</summary>
    public void Run(Func<Task> method)
    {
        var former = Current;
        SetSynchronizationContext(this);
        thread = Environment.CurrentManagedThreadId;
        try
        {
            var task = method();
            while (true)
            {
                while (failure is null && ready.TryDequeue(out var next))
                {
                    Step();
                    next.Callback(next.State);
                }

                if (failure is not null)
                {
                    System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
                }

                if (task.IsCompleted)
                {
                    task.GetAwaiter().GetResult();
                    return;
                }

                if (!events.TryDequeue(out var happening, out var at))
                {
                    throw new InvalidOperationException("Nothing is left to happen, but the run has not ended.");
                }

                Now = new DateTimeOffset(at.Ticks, TimeSpan.Zero);
                Step();
                happening();
            }
        }
        finally
        {
            SetSynchronizationContext(former);
        }
    }

    private void Step() => Violation.ThrowIf(++Steps > MostSteps, "The run does not end.");

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (Environment.CurrentManagedThreadId != thread)
        {
            Environment.FailFast("Work has left the simulation's thread: the run would not replay.");
        }

        ready.Enqueue((d, state));
    }

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();
}
