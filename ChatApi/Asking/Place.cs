using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Npgsql;
using static Lyceum.ChatApi.Asking.SqlBatch;

namespace Lyceum.ChatApi.Asking;

/// <summary>Where in a conversation a message comes.</summary>
/// <param name="Parent">What it follows; null: nothing.</param>
/// <param name="Depth">Messages before it on its branch.</param>
/// <param name="Earlier">Those of them that were not read.</param>
internal sealed record Place(int Position, Guid? Parent, int Depth, int Earlier)
{
    /// <summary>The first of a new conversation.</summary>
    public static readonly Place First = new(0, null, 0, 0);

    /// <summary>Of what follows <paramref name="message"/> in this place.</summary>
    public Place After(Guid message) => new(Position + 1, message, Depth + 1, Earlier);

    // $2: the branch's last message; null: that of the active branch, unless it is a first question ($3).
    private const string Branch =
        """
        WITH RECURSIVE branch AS (
            SELECT m.id, m.parent_id, m.depth, m.role, m.content, m.moderation, 1 AS number
            FROM conversations c JOIN messages m ON m.conversation_id = c.id
            WHERE c.id = $1 AND NOT $3 AND m.id = COALESCE($2::uuid, c.active_leaf_id)
            UNION ALL
            SELECT m.id, m.parent_id, m.depth, m.role, m.content, m.moderation, b.number + 1
            FROM branch b JOIN messages m ON m.id = b.parent_id WHERE b.number < $4)
        SELECT id, depth, role, content, moderation,
               ARRAY(SELECT i.image_id FROM message_images i WHERE i.message_id = branch.id ORDER BY i.number)
        FROM branch ORDER BY number
        """;

    /// <summary>
    /// Locks the conversation and appends what was said on the question's branch to <paramref name="history"/>. The row lock gives
    /// out positions one by one: the statements after it see the messages of the former lock holders.
    /// </summary>
    public static async Task<Place> LockAsync(
        NpgsqlConnection connection, Caller caller, Guid conversation, Question question, List<ContextMessage> history,
        int maxBranches, CancellationToken cancellationToken)
    {
        var parent = question.IsRoot ? null : question.ParentId;
        await using var batch = new NpgsqlBatch(connection);
        batch.Add("SELECT 1 FROM conversations WHERE id = $1 AND tenant = $2 AND owner = $3 FOR UPDATE",
            conversation, caller.Tenant, caller.Person);
        batch.Add(Branches.Link, conversation, caller.Tenant, caller.Person);
        batch.Add(
            """
            SELECT (SELECT COALESCE(max(position) + 1, 0) FROM messages WHERE conversation_id = $1),
                   (SELECT count(*) FROM messages WHERE conversation_id = $1 AND parent_id = $2::uuid)
                   + CASE WHEN $3 THEN (SELECT count(*) FROM messages WHERE conversation_id = $1 AND parent_id IS NULL) ELSE 0 END
            """, conversation, OrNull(parent), question.IsRoot);
        batch.Add(Branch, conversation, OrNull(parent), question.IsRoot, ContextWindow.MaxMessages);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
            throw ConversationStore.NotFound(conversation);
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var (position, siblings) = (reader.GetInt32(0), reader.GetInt64(1));
        await reader.NextResultAsync(cancellationToken);
        (Guid Id, int Depth, string Role)? last = null;
        var earlier = 0; // before those that were read
        while (await reader.ReadAsync(cancellationToken))
        {
            earlier = reader.GetInt32(1);
            last ??= (reader.GetGuid(0), earlier, reader.GetString(2));
            // What was refused is asked of no model.
            if (reader.GetValue(4) is ModerationStatus.Refused)
                continue;
            var images = await reader.GetFieldValueAsync<Guid[]>(5, cancellationToken);
            history.Add(new(reader.GetString(2), reader.GetString(3)) { Images = images.Length == 0 ? [] : images });
        }
        if (parent is { } named && last is null)
            throw NoMessage(named);
        if (parent is not null && question.RegenerateOf is null && last!.Value.Role != "assistant")
            throw new ProblemException(400, ErrorCodes.InvalidRequest,
                "parent_id must be an answer, which the question follows, or the conversation's own id for a first question. "
                + "To have a question answered anew, use regenerate_of.");
        if (siblings >= maxBranches)
            throw new ProblemException(409, ErrorCodes.LimitReached,
                $"There are {siblings} versions of this message, and there may be {maxBranches} "
                + "(Conversations:MaxBranches). Go on with one of them, or begin a conversation.");
        return new(position, last?.Id, last?.Depth + 1 ?? 0, earlier);
    }

    public static ProblemException NoMessage(Guid id) =>
        new(404, ErrorCodes.MessageNotFound, $"There is no such message {id} in a conversation of yours.");
}

internal static class SqlBatch
{
    /// <summary>A statement with its parameters.</summary>
    public static void Add(this NpgsqlBatch batch, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        batch.BatchCommands.Add(command);
    }

    public static object OrNull(object? value) => value ?? DBNull.Value;
}
