using System.Runtime.CompilerServices;
using Lyceum.Durability.Persons;
using Npgsql;

namespace Lyceum.ChatApi.Persons;

/// <summary>Each conversation as a Markdown file.</summary>
internal sealed class ConversationExport(NpgsqlDataSource source) : IReadableExport
{
    private const string Messages =
        """
        SELECT c.id, c.title, c.created_at, m.role, m.content, m.created_at,
               ARRAY(SELECT i.image_id FROM message_images i WHERE i.message_id = m.id ORDER BY i.number)
        FROM conversations c JOIN messages m ON m.conversation_id = c.id
        WHERE c.tenant = $1 AND c.owner = $2 ORDER BY c.id, m.position, m.id
        """;

    public async IAsyncEnumerable<ExportPiece> ReadAsync(
        string tenant, string person, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(Messages, connection)
        {
            CommandTimeout = 0, Parameters = { new() { Value = tenant }, new() { Value = person } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        Guid? written = null;
        while (await reader.ReadAsync(cancellationToken))
        {
            var (id, title, began, role, text, at) = Read(reader);
            var images = string.Concat((await reader.GetFieldValueAsync<Guid[]>(6, cancellationToken))
                .Select(image => $"\n![](../images/{image}.jpg)\n"));
            var path = $"conversations/{began:yyyy-MM-dd}-{id}.md";
            if (written != id)
                yield return new(path, $"# {title.ReplaceLineEndings(" ")}\n");
            written = id;
            yield return new(path, $"\n## {role}, {at:yyyy-MM-dd HH:mm} UTC\n\n{text}\n{images}");
        }
    }

    private static (Guid Id, string Title, DateTimeOffset Began, string Role, string Text, DateTimeOffset At) Read(
        NpgsqlDataReader row) =>
        (row.GetGuid(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.GetString(3), row.GetString(4),
            row.GetFieldValue<DateTimeOffset>(5));
}
