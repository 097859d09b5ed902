using Npgsql;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// What SessionApi does itself of a class's deletion. The class goes with its members, teachers, shares, policy and
/// archive; what students have of it (their conversations, their practice, and who looked at them) stays theirs.
/// </summary>
internal sealed class ClassErasure(NpgsqlDataSource source, ClassArchiveWriter writer)
{
    /// <summary>The step that comes first: the archive is made.</summary>
    public const string Archive = "archive";

    /// <summary>The services that keep something of classes.</summary>
    public static readonly string[] Holders = [ErasureOptions.Own, "chat-api"];

    private const string Erase =
        """
        WITH gone AS (DELETE FROM classes WHERE id = $1 AND tenant = $2 AND archived_at IS NOT NULL RETURNING id),
        policy AS (DELETE FROM safety_policies p USING gone WHERE p.tenant = $2 AND p.class_id = gone.id)
        DELETE FROM invitations i USING gone WHERE i.tenant = $2 AND i.class_id = gone.id
        """;

    private const string Unwritten =
        "SELECT EXISTS (SELECT FROM class_archives WHERE class_id = $1 AND tenant = $2 AND exported_at IS NULL)";

    /// <summary>Nothing is erased before the archive is there.</summary>
    /// <exception cref="InvalidOperationException">It is not there yet.</exception>
    public async Task CheckExportedAsync(string tenant, Guid classId, CancellationToken cancellationToken)
    {
        await using var command = Command(Unwritten, tenant, classId);
        if ((bool)(await command.ExecuteScalarAsync(cancellationToken))!)
            throw new InvalidOperationException("the archive of the class is not made yet");
    }

    /// <returns>Whether it is done; false: to be asked again.</returns>
    public async Task<bool> DoAsync(string service, string tenant, Guid classId, CancellationToken cancellationToken)
    {
        if (service == Archive)
            return await writer.WriteAsync(tenant, classId, cancellationToken);
        await using var command = Command(Erase, tenant, classId);
        await command.ExecuteNonQueryAsync(cancellationToken);
        return true;
    }

    private NpgsqlCommand Command(string sql, string tenant, Guid classId)
    {
        var command = source.CreateCommand(sql);
        command.Parameters.Add(new() { Value = classId });
        command.Parameters.Add(new() { Value = tenant });
        return command;
    }
}
