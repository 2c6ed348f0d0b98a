namespace Stockflow.Serve.Console;

/// <summary>What surrounds every page.</summary>
/// <param name="Title">Of the page.</param>
/// <param name="Section">Path of the navigation's entry that it belongs to.</param>
/// <param name="FormToken">Goes into every form.</param>
/// <param name="Person">Who uses this browser; null where nobody said.</param>
/// <param name="IsSignedIn">Whether a session can be ended.</param>
/// <param name="StylePath">Address of the style sheet.</param>
/// <param name="ScriptPath">Address of the script.</param>
/// <param name="Notice">What was done; null for nothing.</param>
/// <param name="Problem">What went wrong; null for nothing.</param>
public sealed record PageFrame(
    string Title, string Section, string FormToken, string? Person, bool IsSignedIn, string StylePath, string ScriptPath, string? Notice, string? Problem);

/// <summary>The live flow. Rates in records a second, null before the second look.</summary>
public sealed record FlowModel(StatusPayload Status, FlowRate? Rate, IReadOnlyList<double> Past, DateTime Now);

/// <summary>Rates over the last <paramref name="Seconds"/>.</summary>
public readonly record struct FlowRate(double Seconds, double Read, double Accepted, double Duplicates, double DeadLetters);

/// <summary>A slider over time and the exact time beside it. Milliseconds since 1970-01-01 UTC.</summary>
/// <param name="Name">Of the parameter.</param>
/// <param name="Label">For people.</param>
/// <param name="Help">What no time means.</param>
/// <param name="Text">What the person wrote; empty for no time.</param>
/// <param name="Least">Left end.</param>
/// <param name="Most">Right end; stands for no time.</param>
/// <param name="Value">Where the slider stands.</param>
/// <param name="Span">Its length, one of <see cref="TimeSpans"/>.</param>
public sealed record SliderModel(string Name, string Label, string Help, string Text, long Least, long Most, long Value, string Span);

/// <summary>The lookup of a SKU. Without a SKU only the form is shown.</summary>
public sealed record SkuModel(
    string? SkuId, IReadOnlyList<PositionPayload> Positions, SliderModel At, SliderModel KnownAt, bool IsPast, string? AtQuery, string? KnownQuery, string? Next,
    string? Problem);

/// <summary>Why a position is what it is; null where nothing had happened.</summary>
public sealed record ExplainModel(string SkuId, string LocationId, string? AtQuery, string? KnownQuery, ExplainPayload? Told);

/// <summary>A page of the ledger.</summary>
public sealed record LedgerModel(
    string? SkuId, string? LocationId, string? To, string? KnownAt, IReadOnlyList<LedgerEntryPayload> Entries, DateTime? KnownTime, string? Next, string? Problem);

/// <summary>Reservations; null where this process has none.</summary>
public sealed record ReservationsModel(
    ConsolePage<ConsoleReservation>? Page, IReadOnlyList<string> States, string? State, string? SkuId);

/// <summary>Count sheets; null where this process has none.</summary>
public sealed record CountsModel(
    ConsolePage<ConsoleCountSheet>? Page, IReadOnlyList<string> States, IReadOnlyList<string> RootCauses, string? State);

/// <summary>A page of dead letters; null where this process reads none.</summary>
public sealed record DeadLettersModel(IReadOnlyList<DeadLetterSummary>? Letters, string? Next, bool IsFirst);

/// <summary>The page that asks for a key, and where to go then.</summary>
public sealed record SignInModel(string To);

/// <summary>Text alone.</summary>
public sealed record MessageModel(string Text);
