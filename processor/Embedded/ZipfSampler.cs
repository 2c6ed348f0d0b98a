namespace Stockflow.Embedded;

/// <summary>
/// Draws ranks 0..n-1 with probability proportional to 1/(rank+1)^exponent in constant time, by Vose's alias method
/// (IEEE Transactions on Software Engineering 17(9), 1991).
/// </summary>
internal sealed class ZipfSampler
{
    private readonly float[] threshold;
    private readonly int[] alias;

    public ZipfSampler(int count, double exponent)
    {
        threshold = new float[count];
        alias = new int[count];
        var weights = new double[count];
        var sum = 0.0;
        for (var i = 0; i < count; i++)
        {
            sum += weights[i] = Math.Pow(i + 1, -exponent);
        }

        var small = new Stack<int>();
        var large = new Stack<int>();
        for (var i = 0; i < count; i++)
        {
            weights[i] *= count / sum;
            (weights[i] < 1 ? small : large).Push(i);
        }

        while (small.Count > 0 && large.Count > 0)
        {
            var less = small.Pop();
            var more = large.Pop();
            threshold[less] = (float)weights[less];
            alias[less] = more;
            weights[more] -= 1 - weights[less];
            (weights[more] < 1 ? small : large).Push(more);
        }

        foreach (var rest in small.Concat(large))
        {
            threshold[rest] = 1;
            alias[rest] = rest;
        }
    }

    public int Draw(SeededRandom random)
    {
        var column = random.Below(threshold.Length);
        return random.Unit() < threshold[column] ? column : alias[column];
    }
}
