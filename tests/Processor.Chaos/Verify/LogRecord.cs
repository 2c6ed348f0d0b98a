using Stockflow.Chaos.Load;

namespace Stockflow.Chaos.Verify;

/// <summary>A record of the topic and the fact that it carries.</summary>
internal readonly record struct LogRecord(int Partition, long Offset, Fact Fact);
