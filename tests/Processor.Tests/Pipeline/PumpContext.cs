namespace Stockflow.Tests.Pipeline;

/// <summary>Runs everything that an asynchronous method starts on the calling thread, in the order in which it was posted: a run replays exactly.</summary>
internal sealed class PumpContext : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> queue = new();

    public static void Run(Func<Task> method)
    {
        var former = Current;
        var pump = new PumpContext();
        SetSynchronizationContext(pump);
        try
        {
            var task = method();
            while (!task.IsCompleted)
            {
                if (!pump.queue.TryDequeue(out var next))
                {
                    throw new InvalidOperationException("Nothing is left to run, but the method has not ended.");
                }

                next.Callback(next.State);
            }

            task.GetAwaiter().GetResult();
        }
        finally
        {
            SetSynchronizationContext(former);
        }
    }

    public override void Post(SendOrPostCallback d, object? state) => queue.Enqueue((d, state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();
}
