using Lyceum.Durability.Persons;

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
        PersonTable.Own("conversations", "owner", batch: 20),
        PersonTable.Below("messages", "conversation_id", "conversations", "id", Theirs),
        new("generations", $"id IN ({Asked})", AtErasure.Cascade)
        {
            Unexported = ["owner", "epoch", "engine_url", "traceparent"],
        },
    ]);

    public static WebApplicationBuilder AddPersons(this WebApplicationBuilder builder)
    {
        builder.AddPersons(Tables);
        builder.Services.AddSingleton<IPersonalWork, PersonalAnswers>();
        builder.Services.AddSingleton<IReadableExport, ConversationExport>();
        return builder;
    }
}
