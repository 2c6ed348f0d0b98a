using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>What one record says, or why it is a dead letter.</summary>
/// <param name="Fact">Null for a dead letter, and only then.</param>
/// <param name="Reason"><see cref="RejectReason.None"/> for a fact.</param>
/// <param name="Message">Text for people; empty for a fact.</param>
/// <param name="SchemaId">Schema of the value, -1 where it names none.</param>
public sealed record DecodedFact<T>(T? Fact, RejectReason Reason, string Message, int SchemaId)
    where T : class;
