namespace Stockflow.Embedded;

/// <summary>
/// The generator's rough idea of the stock on the shelves, which keeps its events believable; nothing is checked against it.
/// With more positions than it has slots, several share one.
/// </summary>
internal sealed class GeneratorStock
{
    private const int MaximumSlots = 1 << 24;
    private readonly int[] units;
    private readonly byte[] flags;
    private readonly int locations;

    public GeneratorStock(int skus, int locations)
    {
        this.locations = locations;
        var slots = (int)Math.Min((long)skus * locations, MaximumSlots);
        units = new int[slots];
        flags = new byte[slots];
    }

    public ref int Units(int sku, int location) => ref units[Slot(sku, location)];

    /// <summary>Whether the position has been given its first stock; from this call on it has.</summary>
    public bool Open(int sku, int location)
    {
        ref var flag = ref flags[Slot(sku, location)];
        var opened = (flag & 1) != 0;
        flag |= 1;
        return opened;
    }

    public bool IsReplenishing(int sku, int location) => (flags[Slot(sku, location)] & 2) != 0;

    public void SetReplenishing(int sku, int location, bool value)
    {
        ref var flag = ref flags[Slot(sku, location)];
        flag = (byte)(value ? flag | 2 : flag & ~2);
    }

    private int Slot(int sku, int location) => (int)((((long)sku * locations) + location) % units.Length);
}
