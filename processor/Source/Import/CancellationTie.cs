using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Stockflow.Source.Import;

/// <summary>
/// The step <c>tie_cancellations</c>: finds the sale that a cancellation cancels. Memory is bounded because a first pass names the
/// keys that cancellations will ask for; only their sales are kept, the latest few of each, and a key is forgotten with its last
/// cancellation. A cancellation of more units than any one sale still has stays untied.
/// </summary>
public sealed class CancellationTie(TieRules rules)
{
    private readonly Dictionary<UInt128, Group> groups = [];
    private byte[] keyInput = new byte[256];
    private long planned;

    /// <summary>Cancellations that were tied, and that found no sale.</summary>
    public long Tied { get; private set; }

    public long Untied { get; private set; }

    /// <summary>First pass: remembers what a cancellation will ask for.</summary>
    public void Plan(RawRow row, string className)
    {
        if (rules.Cancellations.Contains(className) && planned < ImportLimits.TiedCancellations && TryKey(row, out var key))
        {
            planned++;
            if (!groups.TryGetValue(key, out var group))
            {
                groups.Add(key, group = new Group());
            }

            group.Expected++;
        }
    }

    /// <summary>Second pass, in file order: keeps a sale, or ties a cancellation by setting its attributes.</summary>
    public void Apply(RawRow row, ImportMovement movement)
    {
        var cancels = rules.Cancellations.Contains(movement.Class);
        if (!cancels && !rules.Sales.Contains(movement.Class))
        {
            return;
        }

        if (!TryKey(row, out var key) || !groups.TryGetValue(key, out var group))
        {
            Untied += cancels ? 1 : 0;
            return;
        }

        if (!cancels)
        {
            if (group.Sales.Count >= ImportLimits.OpenSales)
            {
                group.Sales.RemoveAt(0);
            }

            group.Sales.Add(new Sale(movement.EventId, movement.ReferenceId, movement.EventTs, Math.Abs(movement.QtyDelta)));
            return;
        }

        Tie(movement, group.Sales);
        if (--group.Expected == 0)
        {
            groups.Remove(key);
        }
    }

    private void Tie(ImportMovement cancellation, List<Sale> sales)
    {
        var quantity = Math.Abs(cancellation.QtyDelta);
        for (var i = sales.Count - 1; i >= 0; i--)
        {
            var sale = sales[i];
            if (sale.Open < quantity || sale.Time > cancellation.EventTs)
            {
                continue;
            }

            cancellation.SetAttribute(rules.EventAttribute, sale.EventId);
            cancellation.SetAttribute(rules.DocumentAttribute, sale.Document);
            Tied++;
            if (sale.Open == quantity)
            {
                sales.RemoveAt(i);
            }
            else
            {
                sales[i] = sale with { Open = sale.Open - quantity };
            }

            return;
        }

        Untied++;
    }

    private bool TryKey(RawRow row, out UInt128 key)
    {
        key = 0;
        var length = 0;
        foreach (var column in rules.Same)
        {
            var value = (row[column] ?? "").Trim();
            if (value.Length == 0)
            {
                return false;
            }

            var most = Encoding.UTF8.GetMaxByteCount(value.Length) + 4;
            if (keyInput.Length - length < most)
            {
                Array.Resize(ref keyInput, (length + most) * 2);
            }

            var size = Encoding.UTF8.GetBytes(value, keyInput.AsSpan(length + 4));
            BinaryPrimitives.WriteInt32BigEndian(keyInput.AsSpan(length), size);
            length += 4 + size;
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(keyInput.AsSpan(0, length), digest);
        key = BinaryPrimitives.ReadUInt128BigEndian(digest);
        return true;
    }

    private sealed class Group
    {
        public int Expected { get; set; }

        public List<Sale> Sales { get; } = [];
    }

    private readonly record struct Sale(string EventId, string Document, long Time, long Open);
}
