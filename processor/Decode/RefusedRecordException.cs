using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>A record's own content is at fault. Stays within the stages, which turn it into a dead letter.</summary>
/// <param name="reason">What the dead letter is counted under.</param>
/// <param name="message">Sentence for people: the field, and what to do.</param>
/// <param name="schemaId">Schema of the value, -1 where it is not known here.</param>
public sealed class RefusedRecordException(RejectReason reason, string message, int schemaId = -1) : Exception(message)
{
    public RejectReason Reason { get; } = reason;

    public int SchemaId { get; } = schemaId;
}
