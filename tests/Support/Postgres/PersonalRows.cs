using Npgsql;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>Looks for words in every column of every table of a database.</summary>
public static class PersonalRows
{
    /// <param name="except">Tables that may name a person: tombstones.</param>
    /// <returns>Each table that has a word, with the word and a row.</returns>
    public static async Task<List<string>> FindAsync(
        NpgsqlDataSource database, IReadOnlyCollection<string> words, params string[] except)
    {
        var tables = new List<string>();
        await using (var command = database.CreateCommand(
            """
            SELECT table_name FROM information_schema.tables
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> ALL ($1) ORDER BY 1
            """))
        {
            command.Parameters.Add(new() { Value = except });
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                tables.Add(reader.GetString(0));
        }
        tables.Count.ShouldBeGreaterThan(2);
        var found = new List<string>();
        foreach (var table in tables)
        {
            // A row as text has all its columns; bytes in hexadecimal, so that words are looked for in that form too.
            await using var command = database.CreateCommand(
                $"""
                SELECT w, left(t::text, 500) FROM "{table}" t, unnest($1) w
                WHERE position(lower(w) IN lower(t::text)) > 0
                   OR position(encode(convert_to(w, 'UTF8'), 'hex') IN t::text) > 0
                """);
            command.Parameters.Add(new() { Value = words.ToArray() });
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                found.Add($"{table} has {reader.GetString(0)}: {reader.GetString(1)}");
        }
        return found;
    }
}
