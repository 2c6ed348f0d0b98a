using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>What to import and where to.</summary>
public sealed record ImportOptions
{
    public required string StateDirectory { get; init; }

    /// <summary>bootstrap.servers, as the state file remembers them.</summary>
    public required string Cluster { get; init; }

    public required ImportSchema MovementSchema { get; init; }

    public required ImportSchema SkuSchema { get; init; }

    public required ImportSchema LocationSchema { get; init; }

    public ImportFormat Format { get; init; }

    public string Topic { get; init; } = "inventory.movements";

    public string SkuTopic { get; init; } = "reference.sku";

    public string LocationTopic { get; init; } = "reference.location";

    /// <summary>Forget the progress of an earlier run.</summary>
    public bool Restart { get; init; }

    /// <summary>Records between the last one that is done without a gap and the newest.</summary>
    public int Window { get; init; } = 50_000;

    /// <summary>In another order than the file's all encoded movements are held in memory, and an import that broke off starts over.</summary>
    public ImportOrder Order { get; init; }

    /// <summary>Of <see cref="ImportOrder.Shuffled"/>.</summary>
    public long Seed { get; init; } = 1;
}

/// <summary>Where an import stands.</summary>
/// <param name="Scanning">Whether this is the first pass.</param>
/// <param name="Row">Records read in this pass.</param>
/// <param name="Rows">Records of the file; 0 in the first pass.</param>
/// <param name="Fraction">Part of the file that was read, 0 to 1.</param>
public readonly record struct ImportProgress(bool Scanning, long Row, long Rows, double Fraction);

/// <summary>
/// Imports one file in two passes: the first learns what the file names, the second sends it. The same file and mapping give the same
/// records byte for byte, so sending them again, after a kill or on purpose, changes nothing.
/// </summary>
public sealed class FileImport(
    string path, ImportMapping mapping, Pseudonyms? pseudonyms, ImportOptions options, IImportTarget target, TimeProvider time, Action<ImportProgress>? report = null)
{
    private const int ReportEvery = 2_000;
    private static readonly TimeSpan SaveEvery = TimeSpan.FromSeconds(1), LastFlush = TimeSpan.FromSeconds(5);
    private readonly ImportEncoder encoder = new(options.MovementSchema, options.SkuSchema, options.LocationSchema);
    private readonly string prefix = Path.Combine(options.StateDirectory, Path.GetFileName(path));

    // Set where the order is not the file's.
    private readonly HeldMovements? held = options.Order == ImportOrder.File ? null : new HeldMovements(options.Order, options.Seed);

    /// <summary>The record after which this run went on; 0 where it began at the beginning.</summary>
    public long ResumedAfter { get; private set; }

    /// <exception cref="SetupException">The file, the mapping or a folder can not be used.</exception>
    /// <exception cref="StoreUnavailableException">The broker did not take a record; progress is kept.</exception>
    public async Task<ImportSummary> RunAsync(CancellationToken token)
    {
        var started = time.GetTimestamp();
        var scan = await ScanAsync(token);
        var state = new ImportState
        {
            File = Path.GetFullPath(path),
            FileHash = scan.FileHash,
            MappingHash = mapping.TextHash,
            KeyId = pseudonyms?.KeyId ?? "",
            Target = options.Cluster + " " + options.Topic,
        };
        ResumedAfter = options.Restart || held is not null ? 0 : ImportState.ResumeRow(prefix + ImportState.Suffix, state);
        await SendReferencesAsync(scan, token);
        var summary = new ImportSummary { File = path, Skus = scan.Skus.Count, Locations = scan.Locations.Count };
        await SendMovementsAsync(scan, state, summary, token);
        summary.CancellationsTied = scan.Tie?.Tied ?? 0;
        summary.CancellationsUntied = scan.Tie?.Untied ?? 0;
        summary.Seconds = time.GetElapsedTime(started).TotalSeconds;
        return summary;
    }

    private async Task<ImportScan> ScanAsync(CancellationToken token)
    {
        var scan = new ImportScan(mapping);
        using var stream = ImportStream.Open(path);
        using var reader = await ImportFormats.OpenAsync(path, stream, options.Format, mapping, options.MovementSchema.Schema, token);
        var scope = new RowScope(mapping.Dataset, Path.GetFileName(path));
        var mapper = new RowMapper(mapping, scope, pseudonyms);
        while (await reader.ReadAsync(token))
        {
            var rejection = mapper.Map(reader.Row, identify: false);
            scan.Add(reader.Row, scope, rejection is null && !mapper.Skips ? mapper.Movement : null);
            if (reader.Row.Number % ReportEvery == 0)
            {
                report?.Invoke(new ImportProgress(true, reader.Row.Number, 0, (double)stream.FileRead / Math.Max(1, stream.FileBytes)));
            }
        }

        scan.ContentBytes = stream.ContentBytes;
        scan.FileHash = stream.Hash();
        return scan;
    }

    private async Task SendReferencesAsync(ImportScan scan, CancellationToken token)
    {
        string? failure = null;
        void Done(string? error) => failure ??= error;
        foreach (var (id, fact) in scan.Skus)
        {
            await target.SendAsync(options.SkuTopic, id, encoder.Sku(id, fact, mapping.Reference!.UnitOfMeasure, scan.LatestTs), Done, token);
        }

        foreach (var (id, fact) in scan.Locations)
        {
            await target.SendAsync(options.LocationTopic, id, encoder.Location(fact, scan.LatestTs), Done, token);
        }

        await target.FlushAsync(token);
        if (failure is not null)
        {
            throw new StoreUnavailableException(failure);
        }
    }

    private async Task SendMovementsAsync(ImportScan scan, ImportState state, ImportSummary summary, CancellationToken token)
    {
        using var tracker = new AckTracker(options.Window, ResumedAfter);
        using var stream = ImportStream.Open(path, scan.ContentBytes);
        using var reader = await ImportFormats.OpenAsync(path, stream, options.Format, mapping, options.MovementSchema.Schema, token);
        using var rejects = new RejectLog(prefix, ImportFormats.Detect(path, options.Format) == ImportFormat.Csv ? "csv" : "jsonl", reader.Header);
        try
        {
            await ReadAsync(reader, stream, scan, tracker, rejects, state, summary, token);
            await SendHeldAsync(tracker, token);
            await target.FlushAsync(token);
            tracker.ThrowIfFailed();
        }
        catch (Exception error) when (error is OperationCanceledException or StoreUnavailableException)
        {
            await FlushAtTheEndAsync();
            Save(state, tracker);
            throw;
        }

        if (stream.Hash() != scan.FileHash)
        {
            throw new SetupException($"{path} changed while it was imported; import it again.");
        }

        if (stream.Problem is { } problem)
        {
            var last = reader.Row.Number + 1;
            rejects.Add(new RowRejection(last, reader.Row.Line + 1, "row", "", 0, "file_broken", $"the file's compression is broken from here on: {problem}", ""), default);
        }

        Save(state with { Finished = true }, tracker);
        summary.Rejected = rejects.Count;
        summary.RejectedByReason = rejects.ByReason;
        summary.FirstRejected = rejects.First;
        summary.RejectedFile = rejects.Count > 0 ? rejects.RowsPath : null;
    }

    private async Task ReadAsync(
        IRowReader reader, ImportStream stream, ImportScan scan, AckTracker tracker, RejectLog rejects, ImportState state, ImportSummary summary, CancellationToken token)
    {
        var mapper = new RowMapper(mapping, new RowScope(mapping.Dataset, Path.GetFileName(path)), pseudonyms);
        var saved = time.GetTimestamp();
        while (await reader.ReadAsync(token))
        {
            var row = reader.Row;
            var isNew = row.Number > ResumedAfter;
            summary.Rows++;
            if (isNew && held is null)
            {
                await tracker.BeginAsync(token);
            }

            if (mapper.Map(row, identify: true) is { } rejection)
            {
                rejects.Add(rejection, reader.Verbatim().Span);
            }
            else if (mapper.Skips)
            {
                summary.Skipped++;
            }
            else
            {
                summary.Duplicates += mapper.Occurrence > 1 ? 1 : 0;
                scan.Tie?.Apply(row, mapper.Movement);
                summary.Count(mapper.Movement);
                if (isNew)
                {
                    var value = Encode(mapper.Movement, row.Number);
                    if (held is null)
                    {
                        await SendAsync(mapper.Movement.SkuId, value, row.Number, tracker, token);
                    }
                    else
                    {
                        held.Add(mapper.Movement.SkuId, value);
                    }

                    summary.Sent++;
                    isNew = false;
                }
                else
                {
                    summary.SentBefore++;
                }
            }

            if (isNew && held is null)
            {
                tracker.Complete(row.Number);
            }

            if (row.Number % ReportEvery == 0)
            {
                report?.Invoke(new ImportProgress(held is not null, row.Number, scan.Rows, (double)row.Number / Math.Max(1, scan.Rows)));
                if (time.GetElapsedTime(saved) >= SaveEvery)
                {
                    Save(state, tracker);
                    saved = time.GetTimestamp();
                }
            }
        }
    }

    private async Task SendHeldAsync(AckTracker tracker, CancellationToken token)
    {
        if (held is null)
        {
            return;
        }

        var movements = held.InOrder();
        for (var i = 0; i < movements.Count; i++)
        {
            await tracker.BeginAsync(token);
            await SendAsync(movements[i].SkuId, movements[i].Value, i + 1, tracker, token);
            if (i % ReportEvery == 0)
            {
                report?.Invoke(new ImportProgress(false, i, movements.Count, (double)i / movements.Count));
            }
        }
    }

    private byte[] Encode(ImportMovement movement, long row)
    {
        try
        {
            return encoder.Movement(movement);
        }
        catch (AvroDataException error)
        {
            throw new SetupException($"{path}: record {row} does not fit the schema of InventoryMovement: {error.Message}", error);
        }
    }

    private ValueTask SendAsync(string skuId, byte[] value, long number, AckTracker tracker, CancellationToken token) =>
        target.SendAsync(options.Topic, skuId, value, error =>
        {
            if (error is null)
            {
                tracker.Complete(number);
            }
            else
            {
                tracker.Fail(error);
            }
        }, token);

    // What was sent in another order is no beginning of the file that a later run could leave out.
    private void Save(ImportState state, AckTracker tracker) =>
        (state with { AcknowledgedRow = held is null ? tracker.Contiguous : 0 }).Save(prefix + ImportState.Suffix);

    private async Task FlushAtTheEndAsync()
    {
        using var limit = new CancellationTokenSource(LastFlush, time);
        try
        {
            await target.FlushAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // What is not acknowledged by now is sent again by the next run.
        }
    }
}
