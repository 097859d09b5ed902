using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.ChatApi.Conversations;

/// <summary>Reading what was said. Scope <c>chat</c>; only the caller's own.</summary>
public static class ConversationEndpoints
{
    private const int MaxPage = 100;
    private const int MaxTitle = 200;
    private const int MaxMessages = 200;
    private const int MaxComment = 2000;

    public static void MapConversations(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/conversations").RequireScope(Scopes.Chat).WithTags("conversations");
        group.MapGet("", ListAsync).Fails(400, ErrorCodes.InvalidCursor);
        group.MapPost("", CreateAsync).Fails(409, ErrorCodes.LimitReached);
        var one = group.MapGroup("{id:guid}").Fails(404, ErrorCodes.ConversationNotFound);
        one.MapGet("", ReadAsync);
        one.MapPatch("", ChangeAsync).Fails(404, ErrorCodes.MessageNotFound);
        one.MapDelete("", DeleteAsync);
        one.MapGet("messages", MessagesAsync).Fails(400, ErrorCodes.InvalidCursor);
        one.MapPut("messages/{messageId:guid}/feedback", RateAsync).Fails(404, ErrorCodes.MessageNotFound);
        one.MapGet("export", ExportAsync).Produces<JsonElement>(StatusCodes.Status200OK, "application/json", "text/markdown");
    }

    /// <summary>
    /// The caller's conversations, pinned ones first, then last used first, <paramref name="limit"/> (1-100) a page.
    /// </summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    /// <param name="archived">Those that are archived, instead of those that are not.</param>
    private static async Task<ConversationPage> ListAsync(
        Caller caller, ConversationStore store, DatabaseReady ready, CancellationToken cancellationToken,
        int limit = 50, string? cursor = null, bool archived = false)
    {
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
        // Of a pinned conversation it begins with p.
        var isPinned = cursor?.StartsWith('p') == true;
        var after = PageCursor.Parse(isPinned ? cursor![1..] : cursor);
        var afterId = after?.Guid;
        ready.ThrowIfNotReady();

        var query = store.Of(caller).AsNoTracking().Where(c => c.IsArchived == archived);
        if (after is { } last)
        {
            query = query.Where(c => (isPinned && !c.IsPinned) || (c.IsPinned == isPinned
                && (c.UpdatedAt < last.At || (c.UpdatedAt == last.At && c.Id.CompareTo(afterId!.Value) < 0))));
        }
        var page = await Transient.RetryOnceAsync(_ => query
            .OrderByDescending(c => c.IsPinned).ThenByDescending(c => c.UpdatedAt).ThenByDescending(c => c.Id)
            .Take(limit + 1).ToListAsync(cancellationToken));
        var next = page.Count > limit ? page[limit - 1] : null;
        if (next is not null)
            page.RemoveAt(limit);
        return new(
            await ViewAsync(store, page, cancellationToken),
            next is null ? null : $"{(next.IsPinned ? "p" : "")}{new PageCursor(next.UpdatedAt, next.Id.ToString())}");
    }

    private static async Task<List<ConversationView>> ViewAsync(
        ConversationStore store, List<Conversation> conversations, CancellationToken cancellationToken)
    {
        var ids = conversations.ConvertAll(c => c.Id);
        var running = await Transient.RetryOnceAsync(_ => store.RunningAsync(ids, cancellationToken));
        return conversations.ConvertAll(c => ConversationView.Of(c, running.TryGetValue(c.Id, out var answer) ? answer : null));
    }

    private static async Task<ConversationView> ViewAsync(
        ConversationStore store, Conversation conversation, CancellationToken cancellationToken) =>
        (await ViewAsync(store, [conversation], cancellationToken))[0];

    /// <summary>Makes an empty conversation.</summary>
    private static async Task<Created<ConversationView>> CreateAsync(
        TitleRequest request, Caller caller, ConversationStore store, CancellationToken cancellationToken)
    {
        var conversation = await store.CreateAsync(caller, Title(request.Title), cancellationToken);
        return TypedResults.Created($"/api/conversations/{conversation.Id}", ConversationView.Of(conversation, null));
    }

    /// <summary>One conversation, without its messages.</summary>
    private static async Task<ConversationView> ReadAsync(
        Guid id, Caller caller, ConversationStore store, CancellationToken cancellationToken) =>
        await ViewAsync(store, await store.ReadAsync(caller, id, cancellationToken), cancellationToken);

    /// <summary>Changes what is named: the title, whether it is pinned or archived, which branch is shown.</summary>
    private static async Task<ConversationView> ChangeAsync(
        Guid id, ConversationRequest request, Caller caller, ConversationStore store, CancellationToken cancellationToken)
    {
        if (request is { Title: null, Pinned: null, Archived: null, ActiveLeafId: null })
            throw new ProblemException(400, ErrorCodes.InvalidRequest,
                $"Name what is to change: title (1 to {MaxTitle} characters), pinned, archived or active_leaf_id.");
        var title = Title(request.Title);
        var changed = await store.ChangeAsync(
            caller, id, new(title, request.Pinned, request.Archived, request.ActiveLeafId), cancellationToken);
        return await ViewAsync(store, changed, cancellationToken);
    }

    /// <summary>Deletes for good. An answer being written in it is ended without being kept.</summary>
    private static async Task<NoContent> DeleteAsync(
        Guid id, Caller caller, ConversationStore store, ReplicaSignals signals, CancellationToken cancellationToken)
    {
        foreach (var answer in await store.DeleteAsync(caller, id, cancellationToken))
            signals.Send(SignalKind.Stop, answer);
        return TypedResults.NoContent();
    }

    private static string? Title(string? title)
    {
        if (title is not null && (string.IsNullOrWhiteSpace(title) || title.Length > MaxTitle || title.Contains('\0')))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"title must have 1 to {MaxTitle} characters.");
        return StorableText.Of(title);
    }

    /// <summary>
    /// The messages of the active branch, oldest first, the last <paramref name="limit"/> (1-200). A running answer shows what
    /// of it is committed.
    /// </summary>
    /// <param name="before"><c>previous_cursor</c> of the page that comes after.</param>
    /// <param name="all">The messages of all branches, in the order in which they were written.</param>
    private static async Task<MessageList> MessagesAsync(
        Guid id, Caller caller, MessagePages pages, CancellationToken cancellationToken,
        int limit = 100, Guid? before = null, bool all = false)
    {
        if (limit is < 1 or > MaxMessages)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxMessages}.");
        var page = await Transient.RetryOnceAsync(_ => pages.ReadAsync(caller, id, all, before, limit, cancellationToken));
        return new(
            id, page.Messages.ConvertAll(m => MessageView.Of(m, page.Siblings)), page.ActiveLeafId,
            page.HasMore ? page.Messages[0].Id : null);
    }

    /// <summary>What the caller thinks of an answer. It replaces what was said before.</summary>
    private static async Task<Feedback> RateAsync(
        Guid id, Guid messageId, Feedback request, Caller caller, ConversationStore store, CancellationToken cancellationToken)
    {
        if (request.Rating is not (null or "up" or "down"))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "rating must be up, down or null.");
        if (request.Comment is { } said && (said.Length > MaxComment || said.Contains('\0')))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"comment must have at most {MaxComment} characters.");
        var comment = string.IsNullOrWhiteSpace(request.Comment) ? null : StorableText.Of(request.Comment);
        if (request.Rating is null && comment is not null)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "A comment needs a rating, up or down.");
        await store.RateAsync(caller, id, messageId, request.Rating, comment, cancellationToken);
        return new(request.Rating, comment);
    }

    /// <summary>The conversation as a file: the active branch as Markdown, or all branches as JSON.</summary>
    /// <param name="format"><c>markdown | json</c>.</param>
    private static async Task<IResult> ExportAsync(
        Guid id, Caller caller, HttpContext http, ConversationExport export, CancellationToken cancellationToken,
        string format = "markdown")
    {
        if (format is not ("markdown" or "json"))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "format must be markdown or json.");
        return await export.OpenAsync(caller, id, isJson: format == "json", http.Response, cancellationToken);
    }
}

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record ConversationPage(List<ConversationView> Conversations, string? NextCursor);

/// <param name="TitleSource">See <see cref="TitleSources"/>.</param>
/// <param name="ActiveLeafId">The last message of the branch that is shown; null: there are no messages.</param>
/// <param name="Running">The answer that is being written in it; null: none is.</param>
public sealed record ConversationView(
    Guid Id, string Title, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string TitleSource, bool Pinned, bool Archived,
    Guid? ActiveLeafId, Guid? Running)
{
    public static ConversationView Of(Conversation c, Guid? running) =>
        new(c.Id, c.Title, c.CreatedAt, c.UpdatedAt, c.TitleSource, c.IsPinned, c.IsArchived, c.ActiveLeafId, running);
}

/// <param name="Title">At most 200 characters; longer than 80 is shortened.</param>
public sealed record TitleRequest(string? Title);

/// <param name="Title">At most 200 characters; longer than 80 is shortened. It stays: no model makes another.</param>
/// <param name="ActiveLeafId">A message of the branch that is to be shown, which is followed to its newest end.</param>
public sealed record ConversationRequest(string? Title, bool? Pinned, bool? Archived, Guid? ActiveLeafId);

/// <param name="Rating"><c>up | down</c>; null takes it back.</param>
/// <param name="Comment">At most 2000 characters.</param>
public sealed record Feedback(string? Rating, string? Comment = null);

/// <param name="ActiveLeafId">The last message of the branch that is shown.</param>
/// <param name="PreviousCursor">Pass as <c>before</c> for the messages before these; null: these are the first.</param>
public sealed record MessageList(Guid ConversationId, List<MessageView> Messages, Guid? ActiveLeafId, Guid? PreviousCursor);

/// <param name="Role"><c>user | assistant</c>.</param>
/// <param name="Status">See <see cref="AnswerStatus"/>.</param>
/// <param name="FinishReason">See <see cref="FinishReasons"/>.</param>
/// <param name="Error">A problem document beside the text.</param>
/// <param name="Grounding">See <see cref="GroundingStatus"/>.</param>
/// <param name="Sources">See <see cref="AnswerSource"/>; null until the answer has ended: what it cites is known then.</param>
/// <param name="Thinking">The model's reasoning before the answer, which is no part of it.</param>
/// <param name="ParentId">What it follows; null: it is a first question.</param>
/// <param name="SiblingIds">All that follow the same, itself among them, oldest first: versions of a question, answers to one.</param>
/// <param name="Mode">See <see cref="Modes"/>; null: nothing was said, as with the three after it.</param>
/// <param name="Feedback">Of an answer; null: none.</param>
/// <param name="Moderation">See <see cref="ModerationStatus"/>.</param>
/// <param name="Help">What the person's school says at signs of self-harm in the question.</param>
/// <param name="Images">Of a question, in order: <c>GET /api/images/{id}</c>.</param>
public sealed record MessageView(
    Guid Id, string Role, string Content, string Status, string? FinishReason, JsonElement? Usage, JsonElement? Error,
    int? TutorId, string? KbId, string? Grounding, JsonElement? Sources, DateTimeOffset CreatedAt, DateTimeOffset? CompletedAt,
    string? Thinking, Guid? ParentId, IReadOnlyList<Guid> SiblingIds, string? Mode, string? ReadingLevel, string? Language,
    string? ConceptId, Feedback? Feedback, string? Moderation, JsonElement? Help, IReadOnlyList<ImageView> Images)
{
    public static MessageView Of(Message m, ILookup<Guid?, Guid> siblings) => new(
        m.Id, m.Role, m.Content, m.Status, m.FinishReason, Json(m.Usage), Json(m.Error), m.TutorId, m.KbId, m.Grounding,
        m.Status == AnswerStatus.Streaming ? null : Json(m.Sources), m.CreatedAt, m.CompletedAt, m.Thinking, m.ParentId,
        [.. siblings[m.ParentId]], m.Mode, m.ReadingLevel, m.Language, m.ConceptId,
        m.Rating is null ? null : new(m.Rating, m.Comment), m.Moderation, Json(m.Help), m.Images);

    private static JsonElement? Json(string? text) => text is null ? null : JsonElement.Parse(text);
}
