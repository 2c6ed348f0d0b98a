using Stockflow.Decode;
using Stockflow.Dedupe;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Serve;
using Stockflow.Serve.Stock;
using Stockflow.Source;
using Stockflow.Telemetry;
using Stockflow.Window;

namespace Stockflow;

/// <summary>All settings of <c>processor run</c>, a record a stage. Immutable once validated.</summary>
public sealed record ProcessorOptions
{
    public KafkaOptions Kafka { get; init; } = new();

    /// <summary>Without an address the schemas of the program's own folder serve, under the ids of the embedded registry.</summary>
    public SchemaRegistryOptions Registry { get; init; } = new("");

    public DecodeOptions Decode { get; init; } = new();

    public DedupeOptions Dedupe { get; init; } = new();

    public PositionOptions Positions { get; init; } = new();

    public WindowOptions Window { get; init; } = new();

    public CloseOptions Close { get; init; } = new();

    public ClickHouseOptions Clickhouse { get; init; } = new();

    public HistoryOptions History { get; init; } = new();

    public TransferOptions Transfers { get; init; } = new();

    public QualityOptions Quality { get; init; } = new();

    public StockOptions Stock { get; init; } = new();

    public ReceivingOptions Receiving { get; init; } = new();

    public CountOptions Counts { get; init; } = new();

    public AllocationOptions Allocation { get; init; } = new();

    public HttpOptions Http { get; init; } = new();

    public LogOptions Log { get; init; } = new();

    public TraceOptions Traces { get; init; } = new();

    /// <summary>Batches that wait in front of each block.</summary>
    public int BatchesPerBlock { get; init; } = 2;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="SetupException">One line for each setting that can not work.</exception>
    public void Validate()
    {
        Action[] checks =
        [
            Kafka.Validate, ValidateRegistry, Decode.Validate, Dedupe.Validate, Positions.Validate, Window.Validate, Close.Validate, Clickhouse.Validate, History.Validate, Transfers.Validate, Quality.Validate,
            Stock.Validate, Receiving.Validate, Counts.Validate, Allocation.Validate, Http.Validate, Log.Validate, Traces.Validate,
            () => SetupException.ThrowIf(BatchesPerBlock is < 1 or > 1000, "batchesPerBlock must be from 1 to 1000"),
        ];
        var problems = new List<string>();
        foreach (var check in checks)
        {
            try
            {
                check();
            }
            catch (SetupException problem)
            {
                problems.Add(problem.Message);
            }
        }

        if (problems.Count > 0)
        {
            throw new SetupException(string.Join('\n', problems));
        }
    }

    private void ValidateRegistry()
    {
        if (Registry.Urls.Length > 0)
        {
            Registry.Validate();
        }
    }
}
