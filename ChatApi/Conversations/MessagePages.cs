using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.ChatApi.Conversations;

/// <summary>Messages of a conversation, oldest first.</summary>
/// <param name="HasMore">There are more before them.</param>
/// <param name="Siblings">By parent, in order, for the parents of these messages.</param>
public sealed record MessagePage(Guid? ActiveLeafId, List<Message> Messages, bool HasMore, ILookup<Guid?, Guid> Siblings);

/// <summary>Reads messages of one caller's conversation: a branch, or all of them, a page at a time from the end.</summary>
public sealed class MessagePages(ChatDb db, ConversationStore conversations, DatabaseReady ready)
{
    // One statement, one snapshot: an answer that ends meanwhile is seen either before or after its compaction.
    private static readonly string Columns =
        $$"""
          m.id, m.conversation_id, m.position, m.depth, m.role, m.status, m.finish_reason, m.usage, m.error, m.thinking, m.tutor_id,
          m.kb_id, m.grounding, m.sources, m.mode, m.reading_level, m.language, m.concept_id, m.class_id, m.rating, m.comment,
          m.moderation, m.help,
          m.created_at, m.completed_at, {{Branches.Parent("m")}} AS parent_id,
          CASE WHEN m.status = 'streaming' THEN COALESCE((
              SELECT string_agg(c.body, '' ORDER BY c.byte_offset) FROM generation_chunks c WHERE c.generation_id = m.id), '')
          ELSE m.content END AS content
          """;

    private static readonly string OfABranch =
        $$"""
          WITH RECURSIVE branch AS (
              SELECT m.id, {{Branches.Parent("m")}} AS parent, 1 AS number FROM messages m WHERE m.id = {1} AND m.conversation_id = {0}
              UNION ALL
              SELECT m.id, {{Branches.Parent("m")}}, b.number + 1
              FROM branch b JOIN messages m ON m.id = b.parent AND m.conversation_id = {0} WHERE b.number < {2})
          SELECT {{Columns}} FROM branch b JOIN messages m ON m.id = b.id
          """;

    private static readonly string OfAll =
        $$"""
          SELECT {{Columns}} FROM messages m WHERE m.conversation_id = {0} AND m.position < {1} ORDER BY m.position DESC LIMIT {2}
          """;

    /// <param name="before">The page ends before this message; null: at the end.</param>
    /// <exception cref="ProblemException">404 <c>conversation_not_found</c>, 400 <c>invalid_cursor</c>.</exception>
    public async Task<MessagePage> ReadAsync(
        Caller caller, Guid conversationId, bool all, Guid? before, int limit, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var place = await conversations.Of(caller).Where(c => c.Id == conversationId).Select(c => new
        {
            Leaf = db.Messages.Where(m => m.ConversationId == c.Id && m.Depth == null)
                .OrderByDescending(m => m.Position).Select(m => (Guid?)m.Id).FirstOrDefault() ?? c.ActiveLeafId,
            Before = db.Messages.Where(m => m.ConversationId == c.Id && m.Id == before).Select(m => new
            {
                m.Position,
                Parent = m.Depth != null ? m.ParentId
                    : db.Messages.Where(p => p.ConversationId == c.Id && p.Position == m.Position - 1).Select(p => (Guid?)p.Id)
                        .FirstOrDefault(),
            }).FirstOrDefault(),
        }).SingleOrDefaultAsync(cancellationToken) ?? throw ConversationStore.NotFound(conversationId);
        if (before is not null && place.Before is null)
            throw new ProblemException(400, ErrorCodes.InvalidCursor, "before must be a previous_cursor of this conversation.");

        var last = place.Before is null ? place.Leaf : place.Before.Parent;
        List<Message> page = all
            ? await ReadAsync(OfAll, conversationId, place.Before?.Position ?? int.MaxValue, limit + 1, cancellationToken)
            : last is { } leaf ? await ReadAsync(OfABranch, conversationId, leaf, limit + 1, cancellationToken) : [];
        page.Sort((one, other) => one.Position.CompareTo(other.Position));
        var hasMore = page.Count > limit;
        if (hasMore)
            page.RemoveAt(0);
        await AddImagesAsync(page, cancellationToken);
        return new(place.Leaf, page, hasMore, await SiblingsAsync(conversationId, page, cancellationToken));
    }

    /// <summary>The ids of a branch, or of all messages, oldest first.</summary>
    /// <exception cref="ProblemException">404 <c>conversation_not_found</c>.</exception>
    public async Task<List<Guid>> ReadIdsAsync(Caller caller, Guid conversationId, bool all, CancellationToken cancellationToken)
    {
        var end = await ReadAsync(caller, conversationId, all, null, 1, cancellationToken);
        return end.Messages is [var last]
            ? await db.Database.SqlQueryRaw<Guid>(all ? AllIds : BranchIds, conversationId, last.Id).ToListAsync(cancellationToken)
            : [];
    }

    /// <summary>These messages of a conversation that <see cref="ReadIdsAsync"/> found; without those deleted since.</summary>
    public async Task<(List<Message> Messages, ILookup<Guid?, Guid> Siblings)> ReadAsync(
        Guid conversationId, Guid[] ids, CancellationToken cancellationToken)
    {
        var messages = await db.Messages.FromSqlRaw(Some, conversationId, ids).AsNoTracking().ToListAsync(cancellationToken);
        messages.Sort((one, other) => one.Position.CompareTo(other.Position));
        await AddImagesAsync(messages, cancellationToken);
        return (messages, await SiblingsAsync(conversationId, messages, cancellationToken));
    }

    private static readonly string Some =
        $$"""SELECT {{Columns}} FROM messages m WHERE m.conversation_id = {0} AND m.id = ANY ({1})""";

    private static readonly string BranchIds =
        $$"""
          WITH RECURSIVE branch AS (
              SELECT m.id, m.position, {{Branches.Parent("m")}} AS parent FROM messages m
              WHERE m.id = {1} AND m.conversation_id = {0}
              UNION ALL
              SELECT m.id, m.position, {{Branches.Parent("m")}} FROM branch b JOIN messages m ON m.id = b.parent)
          SELECT id AS "Value" FROM branch ORDER BY position
          """;

    private const string AllIds =
        """
        SELECT id AS "Value" FROM messages
        WHERE conversation_id = {0} AND position <= (SELECT position FROM messages WHERE id = {1}) ORDER BY position
        """;

    private Task<List<Message>> ReadAsync(
        string sql, Guid conversationId, object from, int limit, CancellationToken cancellationToken) =>
        db.Messages.FromSqlRaw(sql, conversationId, from, limit).AsNoTracking().ToListAsync(cancellationToken);

    private async Task AddImagesAsync(List<Message> messages, CancellationToken cancellationToken)
    {
        var questions = messages.Where(m => m.Role == "user").ToDictionary(m => m.Id);
        if (questions.Count == 0)
            return;
        var ids = questions.Keys.ToArray();
        var found = await db.MessageImages.Where(i => ids.Contains(i.MessageId)).OrderBy(i => i.Number)
            .Join(db.Images, used => used.ImageId, image => image.Id, (used, image) => new
            {
                used.MessageId, used.Number, View = new ImageView(image.Id, image.Width, image.Height, image.Bytes, image.Type),
            }).ToListAsync(cancellationToken);
        foreach (var images in found.GroupBy(image => image.MessageId))
            questions[images.Key].Images = [.. images.OrderBy(image => image.Number).Select(image => image.View)];
    }

    private async Task<ILookup<Guid?, Guid>> SiblingsAsync(
        Guid conversationId, List<Message> page, CancellationToken cancellationToken)
    {
        var parents = page.Where(m => m.Depth is not null && m.ParentId is not null).Select(m => m.ParentId!.Value).Distinct().ToArray();
        var withRoots = page.Exists(m => m.ParentId is null);
        var found = await db.Messages
            .Where(m => m.ConversationId == conversationId && m.Depth != null
                && (m.ParentId == null ? withRoots : parents.Contains(m.ParentId.Value)))
            .OrderBy(m => m.Position).Select(m => new { m.ParentId, m.Id }).ToListAsync(cancellationToken);
        // Of the version before each is the only one.
        var unlinked = page.Where(m => m.Depth is null).Select(m => new { m.ParentId, m.Id });
        return found.Concat(unlinked).ToLookup(m => m.ParentId, m => m.Id);
    }
}
