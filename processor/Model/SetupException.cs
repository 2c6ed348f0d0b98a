namespace Stockflow.Model;

/// <summary>Something that an operator must set right before the process can do its work; the message is one line for people.</summary>
public sealed class SetupException(string message, Exception? inner = null) : Exception(message, inner);
