namespace Stockflow.Serve.Console;

/// <summary>The live flow, and its figures alone for the script that refreshes them.</summary>
internal sealed class FlowPage(Func<StatusPayload> status, TimeProvider time)
{
    private readonly FlowRates rates = new(time);

    public Task ShowAsync(ConsoleRequest request) => request.ShowAsync<FlowView>(request.Frame("Live flow", Links.Flow), Look());

    public Task ShowPartAsync(ConsoleRequest request) => request.ShowPartAsync<FlowFigures>(Look());

    private FlowModel Look()
    {
        var now = status();
        var (rate, past) = rates.Look(now.Totals);
        return new FlowModel(now, rate, past, time.GetUtcNow().UtcDateTime);
    }
}
