using Lyceum.Durability.Persons;
using Lyceum.Durability.Retention;

namespace Lyceum.Gateway.Persons;

internal static class PersonRegistration
{
    /// <summary>
    /// Where gatewaydb keeps something of persons. Edges go before the records they join; an edge of others to a record
    /// that goes would lead nowhere.
    /// </summary>
    public static readonly PersonTables Tables = new(
        PersonTable.Own("observed_events", "subject"),
        PersonTable.Own("model_use", "person"),
        PersonTable.Own("students", "person"),
        PersonTable.Own("repo_edges", "subject"),
        new("repo_edges",
            """
            tenant = $1 AND (
                from_id IN (SELECT id FROM repo_records WHERE tenant = $1 AND subject = $2)
                OR to_id IN (SELECT id FROM repo_records WHERE tenant = $1 AND subject = $2))
            """, AtErasure.Delete) { IsExported = false },
        PersonTable.Own("repo_records", "subject"),
        PersonTable.Own("tenant_budgets", "person"),
        PersonTable.Naming("tenant_budgets", "updated_by"),
        new("budgets", "account IN ('set:person:' || $1 || '/' || $2, 'key:user:' || $1 || '/' || $2)", AtErasure.Delete)
        {
            Column = "account",
        },
        PersonTable.Naming("tool_versions", "created_by"),
        PersonTable.Naming("tool_activations", "activated_by"));

    private const string DeleteObserved =
        """
        DELETE FROM observed_events WHERE event_id IN (
            SELECT event_id FROM observed_events WHERE tenant = $1 AND received_at < $2
            ORDER BY event_id LIMIT $3 FOR UPDATE SKIP LOCKED)
        """;

    public static void AddPersons(this WebApplicationBuilder builder)
    {
        builder.AddPersons(Tables);
        builder.Services.AddRetained("observed_events", retention => retention.Logs, DeleteObserved);
        builder.Services.AddSingleton<DeletedPersons>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DeletedPersons>());
    }

    /// <summary>After the caller is known: nothing is done any more for a person who was deleted.</summary>
    public static void UseDeletedPersons(this WebApplication app)
    {
        var deleted = app.Services.GetRequiredService<DeletedPersons>();
        app.Use((http, next) =>
        {
            deleted.ThrowIfDeleted(http);
            return next(http);
        });
    }
}
