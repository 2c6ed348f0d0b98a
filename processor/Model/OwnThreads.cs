namespace Stockflow.Model;

/// <summary>
/// Threads for work that takes long or waits: the lanes' blocks, and consumers that wait for records. On the thread pool it would go before
/// a request that somebody waits for, or take a thread of it for good; on threads of its own the operating system shares the cores. What an
/// async method does after a wait comes back to these threads too. Work here must not block on other work that it has queued here.
/// </summary>
public sealed class OwnThreads : TaskScheduler
{
    [ThreadStatic]
    private static OwnThreads? worksFor;

    private readonly Queue<Task> tasks = new();
    private readonly int count;

    public OwnThreads(string name, int count)
    {
        this.count = count;
        for (var i = 0; i < count; i++)
        {
            new Thread(Run) { IsBackground = true, Name = name }.Start();
        }
    }

    public override int MaximumConcurrencyLevel => count;

    /// <summary>Runs an async method on a thread of its own, which lives as long as the process.</summary>
    public static Task RunAsync(string name, Func<Task> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.None, new OwnThreads(name, 1)).Unwrap();

    /// <summary>
    /// Runs work that waits on a thread for this once. A client without an async form would hold a thread of the pool, and on few cores the
    /// last one: the one that is to read the answer it waits for.
    /// </summary>
    public static Task<T> RunAsync<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    protected override void QueueTask(Task task)
    {
        lock (tasks)
        {
            tasks.Enqueue(task);

            // One of these threads takes a single follow-up itself, a batch's stage later: waking another for it costs more than it gains.
            if (worksFor != this || tasks.Count > 1)
            {
                Monitor.Pulse(tasks);
            }
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => !taskWasPreviouslyQueued && Current == this && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (tasks)
        {
            return [.. tasks];
        }
    }

    private void Run()
    {
        worksFor = this;
        while (true)
        {
            TryExecuteTask(Next());
        }
    }

    private Task Next()
    {
        lock (tasks)
        {
            Task? task;
            while (!tasks.TryDequeue(out task))
            {
                Monitor.Wait(tasks);
            }

            if (tasks.Count > 0)
            {
                Monitor.Pulse(tasks);
            }

            return task;
        }
    }
}
