using System.CommandLine;
using System.Globalization;
using System.Text;
using Stockflow.Embedded;
using Stockflow.History;

namespace Stockflow.Benchmarks;

/// <summary>The inserts into the engine inside a process, which is one of its own because the engine can not be shut down in an orderly way.</summary>
internal static class LedgerEmbedded
{
    public const string Command = "ledger-embedded";

    /// <summary>Prints a line for each format: its name and the CPU seconds of the process.</summary>
    public static Command Create()
    {
        var path = new Argument<string>("folder");
        var events = new Option<long>("--events") { Required = true };
        var skus = new Option<int>("--skus") { Required = true };
        var locations = new Option<int>("--locations") { Required = true };
        var command = new Command(Command, "Part of the benchmark 'ledger'.") { path, events, skus, locations };
        command.Hidden = true;
        command.SetAction((parsed, _) => Guard.RunAsync(async () =>
        {
            Run(parsed.GetRequiredValue(path), new BenchmarkOptions { Events = parsed.GetValue(events), Skus = parsed.GetValue(skus), Locations = parsed.GetValue(locations) });
            await Console.Out.FlushAsync(CancellationToken.None);
            ChdbServer.ExitProcess(0);
        }));
        return command;
    }

    private static void Run(string path, BenchmarkOptions options)
    {
        var batches = LedgerBenchmark.Prepare(options);
        long events = batches.Sum(batch => batch.Count);
        var engine = ChdbEngine.Open(path);
        using var connection = engine.Connect([]) ?? throw new WrongResultException("ledger: the engine gives no connection.");
        var script = Statements("001_bronze_silver.sql").Concat(Statements("007_lineage_quality.sql")
            .Where(statement => statement.Contains("ALTER TABLE raw_events", StringComparison.Ordinal) || statement.Contains("ALTER TABLE ledger ADD", StringComparison.Ordinal))).ToList();
        foreach (var format in LedgerFormat.Names)
        {
            // The first round is for the compiler's tiers.
            for (var round = 0; round < 2; round++)
            {
                Ask(connection, "DROP DATABASE IF EXISTS bench");
                Ask(connection, "CREATE DATABASE bench");
                Ask(connection, "USE bench");
                foreach (var statement in script)
                {
                    Ask(connection, statement);
                }

                Ask(connection, "SYSTEM STOP MERGES bench.raw_events");
                Ask(connection, "SYSTEM STOP MERGES bench.ledger");
                var seconds = Insert(connection, format, batches);
                foreach (var table in (string[])["raw_events", "ledger"])
                {
                    WrongResultException.ThrowUnlessEqual($"ledger: embedded rows of {table} by {format}", events,
                        long.Parse(Ask(connection, $"SELECT count() FROM bench.{table}"), CultureInfo.InvariantCulture));
                }

                if (round > 0)
                {
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format} {seconds}"));
                }
            }
        }
    }

    private static IReadOnlyList<string> Statements(string migration) => SqlScript.Split(File.ReadAllText(Path.Combine(Migrations.DefaultFolder, migration)));

    private static double Insert(ChdbConnection connection, string name, Model.RecordBatch[] batches)
    {
        using var format = LedgerFormat.Create(name);
        var before = Environment.CpuUsage.TotalTime;
        foreach (var inserts in LedgerBenchmark.Inserts(format, batches))
        {
            foreach (var insert in inserts)
            {
                using var statement = connection.Insert(Encoding.UTF8.GetBytes($"INSERT INTO bench.{insert.Table} ({string.Join(", ", insert.Columns)})"), insert.Format, []);
                foreach (var piece in insert.Data)
                {
                    if (!statement.Append(piece.Span))
                    {
                        break;
                    }
                }

                statement.Finish();
                if (statement.Error is { } error)
                {
                    throw new WrongResultException($"ledger: {insert.Format} into {insert.Table}: {error}");
                }
            }
        }

        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    private static string Ask(ChdbConnection connection, string sql)
    {
        using var result = connection.Query(Encoding.UTF8.GetBytes(sql), "TSV", []);
        return result.Error is { } error
            ? throw new WrongResultException($"ledger: {sql.Split('\n')[0]}: {error}")
            : Encoding.UTF8.GetString(result.Bytes).Trim();
    }
}
