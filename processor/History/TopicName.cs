using System.Text;

namespace Stockflow.History;

/// <summary>A topic's name in UTF-8, encoded anew only where it is another than the row before had.</summary>
internal sealed class TopicName
{
    private string? name;
    private byte[] utf8 = [];

    public ReadOnlySpan<byte> Of(string topic)
    {
        if (!ReferenceEquals(topic, name))
        {
            (name, utf8) = (topic, Encoding.UTF8.GetBytes(topic));
        }

        return utf8;
    }
}
