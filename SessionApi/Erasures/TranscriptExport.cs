using System.Runtime.CompilerServices;
using Lyceum.Durability.Persons;
using Npgsql;

namespace Lyceum.SessionApi.Erasures;

/// <summary>What was said in each live session, as a Markdown file.</summary>
internal sealed class TranscriptExport(NpgsqlDataSource source) : IReadableExport
{
    private const string Turns =
        """
        SELECT s.id, s.created_at, t.question, t.asked_at, t.answer
        FROM sessions s JOIN session_turns t ON t.session_number = s.number
        WHERE s.tenant = $1 AND s.owner = $2 AND s.status <> 'deleted' ORDER BY s.number, t.turn
        """;

    public async IAsyncEnumerable<ExportPiece> ReadAsync(
        string tenant, string person, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(Turns, connection)
        {
            CommandTimeout = 0, Parameters = { new() { Value = tenant }, new() { Value = person } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        string? written = null;
        while (await reader.ReadAsync(cancellationToken))
        {
            var (id, began, question, asked, answer) = Read(reader);
            var path = $"sessions/{began:yyyy-MM-dd}-{id}.md";
            if (written != id)
                yield return new(path, $"# Session of {began:yyyy-MM-dd HH:mm} UTC\n");
            written = id;
            yield return new(path, $"\n## {asked:yyyy-MM-dd HH:mm} UTC\n\n> {question.ReplaceLineEndings("\n> ")}\n\n{answer}\n");
        }
    }

    private static (string Id, DateTimeOffset Began, string Question, DateTimeOffset Asked, string Answer) Read(
        NpgsqlDataReader row) =>
        (row.GetString(0), row.GetFieldValue<DateTimeOffset>(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3),
            row.IsDBNull(4) ? "" : row.GetString(4));
}
