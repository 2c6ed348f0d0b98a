using Confluent.Kafka;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>One record on its way through the peer.</summary>
internal sealed class PeerEvent(ConsumeResult<byte[], byte[]> source)
{
    public ConsumeResult<byte[], byte[]> Source { get; } = source;

    /// <summary>Why it is a dead letter; none for a good one.</summary>
    public RejectReason Reason { get; set; }

    /// <summary>The decoded record; null where it could not be read.</summary>
    public AvroRecord? Movement { get; set; }

    public MovementType Type { get; set; }

    public string Sku { get; set; } = "";

    public string Location { get; set; } = "";

    public long Quantity { get; set; }

    /// <summary>Whether positions are kept of its SKU.</summary>
    public bool Stocked { get; set; }

    /// <summary>Whether its event_id was new.</summary>
    public bool Accepted { get; set; }
}
