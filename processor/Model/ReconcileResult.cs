namespace Stockflow.Model;

/// <summary>What the last run of <c>processor reconcile</c> found and did.</summary>
/// <param name="FinishedTs">Its end, milliseconds since 1970-01-01 UTC.</param>
/// <param name="Compared">Positions compared.</param>
/// <param name="Drifting">Positions that differed from the ledger.</param>
/// <param name="Unsettled">Positions that waited for the ledger by themselves; not counted as drifting.</param>
/// <param name="Duplicates">Records that repeat a fact which had counted already, and that no compensation had netted out.</param>
/// <param name="Reused">Records whose event_id had been used for another fact.</param>
/// <param name="Repaired">Positions that the run set right.</param>
/// <param name="Compensations">Compensating movements that the run sent.</param>
public sealed record ReconcileResult(
    long FinishedTs, long Compared, long Drifting, long Unsettled, long Duplicates, long Reused, long Repaired, long Compensations);
