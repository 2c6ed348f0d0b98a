using System.Globalization;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>
/// A movement that takes back a part of what a duplicate did. All of them together leave every position as if the duplicate had not been
/// there: they carry its event time, so a cycle count covers both or neither.
/// </summary>
internal sealed record Compensation(string EventId, MovementType Type, string LocationId, long QtyDelta, string? CounterpartId = null)
{
    public const string Reason = "DUPLICATE_EVENT", PerformedBy = "stockflow-reconciler";

    /// <summary>
    /// The compensations of a duplicate; none for a count or a quantity of 0, which change nothing the second time. Their ids follow from the
    /// duplicate's place in the log, so sending them again changes nothing.
    /// </summary>
    public static IReadOnlyList<Compensation> Of(string topic, LedgerFact duplicate)
    {
        var (place, other, qty) = (duplicate.LocationId, duplicate.CounterpartId, duplicate.QtyDelta);
        var made = new List<Compensation>();
        switch (duplicate.Type)
        {
            case MovementType.CycleCount or MovementType.Unknown:
                break;
            case MovementType.Damage:
                Add(MovementType.Damage, place, -qty);
                break;
            case MovementType.Reserve:
                Add(MovementType.Release, place, -qty);
                break;
            case MovementType.Release:
                Add(MovementType.Reserve, place, -qty);
                break;
            case MovementType.Ship:
                Add(MovementType.Correction, place, -qty);
                Add(MovementType.Reserve, place, qty);
                break;
            case MovementType.TransferOut or MovementType.TransferIn:
                // The opposite leg at the other end takes both ends' in-transit back. It also moves on-hand there, which a correction undoes.
                Add(duplicate.Type == MovementType.TransferOut ? MovementType.TransferIn : MovementType.TransferOut, other, -qty, place);
                Add(MovementType.Correction, other, qty);
                Add(MovementType.Correction, place, -qty);
                break;
            default:
                Add(MovementType.Correction, place, -qty);
                break;
        }

        return made;

        void Add(MovementType type, string location, long delta, string? counterpart = null)
        {
            if (delta != 0)
            {
                made.Add(new Compensation(Id(topic, duplicate, made.Count), type, location, delta, counterpart));
            }
        }
    }

    private static string Id(string topic, LedgerFact duplicate, int leg)
    {
        var place = string.Create(CultureInfo.InvariantCulture, $"{topic}\0{duplicate.Partition}\0{duplicate.Offset}\0{duplicate.EventId}");
        return string.Create(CultureInfo.InvariantCulture, $"reconcile-{SipHash128.Hash(Encoding.UTF8.GetBytes(place)):x32}-{leg}");
    }
}
