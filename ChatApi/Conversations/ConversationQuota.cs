using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Conversations;

/// <summary>What a tenant may keep, section <c>Conversations</c>; more gets 409 until some are deleted.</summary>
public sealed class ConversationOptions
{
    public const string Section = "Conversations";

    public long MaxConversations { get; set; } = 500_000;

    /// <summary>Of all messages, as they are stored.</summary>
    public long MaxBytes { get; set; } = 8L * 1024 * 1024 * 1024;

    /// <summary>Versions of one question, or answers to it; more get 409.</summary>
    public int MaxBranches { get; set; } = 50;
}

/// <summary>
/// Conversations of a tenant and the bytes of their messages. Exact but for what other replicas add within a minute,
/// and for answers, whose length is known when they are there.
/// </summary>
public sealed class ConversationQuota(NpgsqlDataSource source, IOptions<ConversationOptions> options, TimeProvider time)
{
    private readonly TenantQuota _quota = new(source,
        """
        SELECT (SELECT count(*) FROM conversations WHERE tenant = $1),
               (SELECT COALESCE(sum(pg_column_size(m.content)), 0)::bigint
                FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE c.tenant = $1)
        """, time);

    /// <exception cref="ProblemException">409 <c>limit_reached</c>.</exception>
    public async Task CheckAsync(Caller caller, int conversations, int bytes, CancellationToken cancellationToken)
    {
        var (maxConversations, maxBytes) = (options.Value.MaxConversations, options.Value.MaxBytes);
        if (!await _quota.TryAddAsync(caller.Tenant, conversations, bytes, maxConversations, maxBytes, cancellationToken))
            throw new ProblemException(409, ErrorCodes.LimitReached,
                $"A tenant may keep {maxConversations} conversations (Conversations:MaxConversations) with {maxBytes} bytes of "
                + "messages (Conversations:MaxBytes); delete some first.");
    }
}
