using Lyceum.Durability.Persons;
using Lyceum.Durability.Retention;

namespace Lyceum.ChatApi.Persons;

internal static class PersonRegistration
{
    private const string Theirs = "tenant = $1 AND owner = $2";
    private const string Asked =
        "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.tenant = $1 AND c.owner = $2";

    /// <summary>Where chatdb keeps something of persons.</summary>
    public static readonly PersonTables Tables = new(
    [
        .. PersonTable.Events,
        PersonTable.Own("idempotency_keys", "owner") with { IsExported = false },
        // What was withheld from the person is for their teachers.
        PersonTable.Own("moderation_verdicts", "person") with { IsExported = false },
        PersonTable.Own("concerns", "person") with { Unexported = ["tell"] },
        new("concerns", "tenant = $1 AND $2 = ANY (tell)", AtErasure.Unname)
        {
            Unnamed = "tell = array_remove(tell, $2)", IsExported = false,
        },
        PersonTable.Own("conversations", "owner", batch: 20),
        PersonTable.Below("messages", "conversation_id", "conversations", "id", Theirs),
        new("generations", $"id IN ({Asked})", AtErasure.Cascade)
        {
            Unexported = ["owner", "epoch", "engine_url", "traceparent"],
        },
        PersonTable.Below("message_images", "message_id", "messages", "id", $"id IN ({Asked})"),
        // Those that no question uses; the others have gone with the conversations.
        PersonTable.Own("images", "person", batch: 50) with { Unexported = ["data"] },
    ]);

    // Not one in which an answer is being written. A question that is being recorded holds the conversation's lock.
    private const string DeleteOld =
        """
        DELETE FROM conversations WHERE ctid = ANY (ARRAY(
            SELECT c.ctid FROM conversations c
            WHERE c.tenant = $1 AND c.updated_at < $2
              AND NOT EXISTS (SELECT FROM messages m WHERE m.conversation_id = c.id AND m.status = 'streaming')
            LIMIT $3 FOR UPDATE SKIP LOCKED))
        """;

    public static WebApplicationBuilder AddPersons(this WebApplicationBuilder builder)
    {
        builder.AddPersons(Tables);
        builder.Services.AddSingleton<IPersonalWork, PersonalAnswers>();
        builder.Services.AddSingleton<IReadableExport, ConversationExport>();
        builder.Services.AddSingleton<IReadableExport, ImageExport>();
        builder.Services.AddRetained("conversations", retention => retention.Conversations, DeleteOld);
        return builder;
    }
}
