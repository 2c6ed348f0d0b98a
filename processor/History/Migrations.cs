using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>One numbered file of schemas/clickhouse.</summary>
/// <param name="Number">From the file name: 1 for 001_bronze_silver.sql.</param>
/// <param name="Name">The file name.</param>
/// <param name="Checksum">SHA-256 of the text with line ends as \n, hex.</param>
/// <param name="Former">
/// Checksums of texts that it replaces where they were not applied, from its lines <c>-- formerly CHECKSUM</c>: the same schema, stored otherwise.
/// </param>
/// <param name="Statements">Its statements in order.</param>
public sealed record Migration(int Number, string Name, string Checksum, IReadOnlyList<string> Former, IReadOnlyList<string> Statements);

/// <summary>
/// Applies schemas/clickhouse/NNN_name.sql in order and records them in <c>schema_migrations</c>. Applying again changes nothing.
/// A file that was applied must not change: correct it by another one. ClickHouse has no transactions for this, so every
/// statement is written to be run twice (IF NOT EXISTS, OR REPLACE); a run that broke off starts the file again, and two
/// processors that start at once do no harm.
/// </summary>
public sealed class Migrations(IClickHouse clickHouse, string folder)
{
    private const string Formerly = "-- formerly ";

    /// <summary>Where the build puts the files.</summary>
    public static string DefaultFolder => Path.Combine(AppContext.BaseDirectory, "schemas", "clickhouse");

    /// <summary>Applies what is missing and returns the names of those files.</summary>
    /// <exception cref="SetupException">A file is unreadable, misnumbered, changed or refused by the server.</exception>
    public async Task<IReadOnlyList<string>> ApplyAsync(CancellationToken token = default)
    {
        var migrations = Read(folder);
        await clickHouse.EnsureDatabaseAsync(token);
        await clickHouse.ExecuteAsync("""
            CREATE TABLE IF NOT EXISTS schema_migrations
            (
                number UInt32,
                name String,
                checksum String,
                applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
            )
            ENGINE = ReplacingMergeTree
            ORDER BY number
            """, token: token);
        var applied = new Dictionary<int, (string Name, string Checksum)>();
        await foreach (var row in clickHouse.QueryAsync("SELECT number, name, checksum FROM schema_migrations FINAL", token: token))
        {
            applied[row.Get<int>(0)] = (row.Get<string>(1)!, row.Get<string>(2)!);
        }

        foreach (var (number, (name, _)) in applied)
        {
            if (!migrations.Any(migration => migration.Number == number))
            {
                throw new SetupException($"database {clickHouse.Database} has migration {name}, which this version does not know: use the version that made it, or a newer one");
            }
        }

        var done = new List<string>();
        foreach (var migration in migrations)
        {
            if (applied.TryGetValue(migration.Number, out var known))
            {
                if (known.Checksum != migration.Checksum && !migration.Former.Contains(known.Checksum))
                {
                    throw new SetupException($"{migration.Name} has changed since it was applied to database {clickHouse.Database}: restore it and put the change into a new file");
                }

                continue;
            }

            await ApplyAsync(migration, token);
            done.Add(migration.Name);
        }

        return done;
    }

    /// <summary>Reads and checks the files of a folder, in order.</summary>
    public static IReadOnlyList<Migration> Read(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new SetupException($"folder {folder} with the ClickHouse migrations is missing");
        }

        var migrations = Directory.GetFiles(folder, "*.sql").Select(ReadFile).OrderBy(migration => migration.Number).ToList();
        for (var i = 0; i < migrations.Count; i++)
        {
            if (migrations[i].Number != i + 1)
            {
                throw new SetupException($"{migrations[i].Name}: expected number {i + 1:000}; numbers run from 001 without gaps or repeats");
            }
        }

        return migrations;
    }

    private static Migration ReadFile(string file)
    {
        var name = Path.GetFileName(file);
        if (name.Length < 8 || name[3] != '_' || !int.TryParse(name.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw new SetupException($"{name}: a migration is named NNN_what.sql");
        }

        var text = File.ReadAllText(file).ReplaceLineEndings("\n");
        try
        {
            var former = text.Split('\n').Where(line => line.StartsWith(Formerly, StringComparison.Ordinal)).Select(line => line[Formerly.Length..]);
            return new Migration(number, name, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))), [.. former], SqlScript.Split(text));
        }
        catch (FormatException failure)
        {
            throw new SetupException($"{name}: {failure.Message}", failure);
        }
    }

    private async Task ApplyAsync(Migration migration, CancellationToken token)
    {
        for (var i = 0; i < migration.Statements.Count; i++)
        {
            try
            {
                await clickHouse.ExecuteAsync(migration.Statements[i], token: token);
            }
            catch (ClickHouseException failure) when (!failure.IsTransient)
            {
                throw new SetupException($"{migration.Name}, statement {i + 1}: {failure.Message}", failure);
            }
        }

        await clickHouse.ExecuteAsync(
            "INSERT INTO schema_migrations (number, name, checksum) SELECT {number:UInt32}, {name:String}, {checksum:String}",
            new Dictionary<string, object?> { ["number"] = migration.Number, ["name"] = migration.Name, ["checksum"] = migration.Checksum },
            token);
    }
}
