using Lyceum.Durability.Persons;
using Lyceum.SessionApi.Classes;
using Npgsql;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// A teacher's classes, and what they shared with them, become another owner's; a tenant that nobody is left in goes.
/// </summary>
internal sealed class PersonalClasses(NpgsqlDataSource source) : IPersonalWork
{
    // A tutor keeps what it knows. In one statement: what it finds is what was there before it.
    private const string PassOn =
        """
        WITH tutor AS (
            UPDATE tutors SET owner = $3 WHERE tenant = $1 AND owner = $2 AND id::text = ANY ($4)),
        knowledge AS (
            UPDATE knowledge_bases SET owner = $3 WHERE tenant = $1 AND owner = $2 AND kb_id IN (
                SELECT kb_id FROM tutors WHERE tenant = $1 AND owner IN ($2, $3) AND id::text = ANY ($4))),
        class AS (
            UPDATE classes SET owner = $3 WHERE tenant = $1 AND owner = $2)
        UPDATE shares SET owner = $3 WHERE tenant = $1 AND owner = $2
        """;

    private const string Deserted =
        """
        WITH gone AS (
            DELETE FROM tenants WHERE id = $1 AND NOT EXISTS (SELECT FROM memberships WHERE tenant = $1) RETURNING id)
        DELETE FROM tenant_retention WHERE tenant IN (SELECT id FROM gone)
        """;

    public TimeSpan Patience => TimeSpan.Zero;

    public Task<bool> StopAsync(string tenant, string person, CancellationToken cancellationToken) => Task.FromResult(true);

    public async Task PassOnAsync(
        string tenant, string person, Inheritance inheritance, CancellationToken cancellationToken)
    {
        if (inheritance.Heir is { } heir)
            await ExecuteAsync(PassOn, cancellationToken, tenant, person, heir, inheritance.Of(ShareKinds.Tutor));
    }

    public Task CleanAsync(string tenant, string person, CancellationToken cancellationToken) =>
        ExecuteAsync(Deserted, cancellationToken, tenant);

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = source.CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
