namespace Stockflow.Model;

/// <summary>Something that an operator must set right before the process can do its work; each line of the message is a sentence for people.</summary>
public sealed class SetupException(string message, Exception? inner = null) : Exception(message, inner)
{
    public static void ThrowIf(bool broken, string message)
    {
        if (broken)
        {
            throw new SetupException(message);
        }
    }
}
