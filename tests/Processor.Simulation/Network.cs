namespace Stockflow.Simulation;

/// <summary>No answer, or one that says so: what became of the request is unknown.</summary>
internal sealed class NoAnswerException(string message) : Exception(message);

/// <summary>Carries requests and replies, and loses, doubles and delays them.</summary>
internal sealed class Network(World world, FaultPlan plan)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Sends a request. <paramref name="handle"/> runs at the server each time that a copy of the request arrives, whether or not the sender
    /// still lives; the first reply to arrive counts.
    /// </summary>
    /// <exception cref="NoAnswerException">No reply came in time, or the connection was refused.</exception>
    public Task<T> CallAsync<T>(SimulatedProcess sender, SimulatedServer server, string what, Func<T> handle)
    {
        var answer = new TaskCompletionSource<T>();
        if (world.Chance(plan.LostRequest))
        {
            world.Count("requests lost");
            world.Say(sender.Name, $"{what}: the request is lost");
        }
        else
        {
            for (var copies = world.Chance(plan.Duplicate) ? 2 : 1; copies > 0; copies--)
            {
                world.After(Latency(), () => Arrive(sender, server, what, handle, answer));
            }
        }

        world.After(Timeout, () =>
        {
            if (!answer.Task.IsCompleted)
            {
                sender.Deliver(() => answer.TrySetException(new NoAnswerException($"{server.Name} does not answer.")));
            }
        });
        return answer.Task;
    }

    private void Arrive<T>(SimulatedProcess sender, SimulatedServer server, string what, Func<T> handle, TaskCompletionSource<T> answer)
    {
        if (!server.IsUp)
        {
            world.After(Latency(), () => sender.Deliver(() => answer.TrySetException(new NoAnswerException($"{server.Name} refuses the connection."))));
            return;
        }

        if (sender.IsDead || answer.Task.IsCompleted)
        {
            world.Count("requests that outlived their sender or its patience");
        }

        T reply;
        try
        {
            reply = handle();
        }
        catch (NoAnswerException e)
        {
            world.After(Latency(), () => sender.Deliver(() => answer.TrySetException(e)));
            return;
        }

        if (world.Chance(plan.LostReply))
        {
            world.Count("replies lost");
            world.Say(sender.Name, $"{what}: the reply is lost");
            return;
        }

        world.After(Latency(), () => sender.Deliver(() => answer.TrySetResult(reply)));
    }

    private TimeSpan Latency()
    {
        if (world.Chance(plan.Late))
        {
            world.Count("messages late");
            return world.Between(200, 30_000);
        }

        return world.Between(0.1, 3);
    }
}
