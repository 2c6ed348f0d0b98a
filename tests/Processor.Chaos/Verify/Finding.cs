namespace Stockflow.Chaos.Verify;

/// <summary>The result of one comparison: how many were expected and how many were lost, duplicated or wrong, with the first of them in words.</summary>
internal sealed class Finding(string name)
{
    private const int MostExamples = 5;

    public string Name { get; } = name;

    public long Expected { get; set; }

    public long Lost { get; private set; }

    public long Duplicated { get; private set; }

    public long Wrong { get; private set; }

    /// <summary>Copies of the same dead letter, which a crash may leave.</summary>
    public long Repeated { get; set; }

    public List<string> Examples { get; } = [];

    public bool IsClean => Lost == 0 && Duplicated == 0 && Wrong == 0;

    public void AddLost(string example)
    {
        Lost++;
        Tell("lost: " + example);
    }

    public void AddDuplicated(string example)
    {
        Duplicated++;
        Tell("duplicated: " + example);
    }

    public void AddWrong(string example)
    {
        Wrong++;
        Tell("wrong: " + example);
    }

    private void Tell(string example)
    {
        if (Examples.Count < MostExamples)
        {
            Examples.Add(example);
        }
    }
}
