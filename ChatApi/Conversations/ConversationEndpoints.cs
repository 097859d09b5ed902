using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.ChatApi.Conversations;

/// <summary>Reading what was said. Scope <c>chat</c>; only the caller's own.</summary>
public static class ConversationEndpoints
{
    private const int MaxPage = 100;
    private const int MaxTitle = 200;

    public static void MapConversations(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/conversations").RequireScope(Scopes.Chat).WithTags("conversations");
        group.MapGet("", ListAsync).Fails(400, ErrorCodes.InvalidCursor);
        group.MapPost("", CreateAsync).Fails(409, ErrorCodes.LimitReached);
        var one = group.MapGroup("{id:guid}").Fails(404, ErrorCodes.ConversationNotFound);
        one.MapGet("", ReadAsync);
        one.MapPatch("", RenameAsync);
        one.MapDelete("", DeleteAsync);
        one.MapGet("messages", MessagesAsync);
    }

    /// <summary>The caller's conversations, last used first, <paramref name="limit"/> (1-100) a page.</summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<ConversationPage> ListAsync(
        Caller caller, ConversationStore store, DatabaseReady ready, CancellationToken cancellationToken,
        int limit = 50, string? cursor = null)
    {
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
        var after = PageCursor.Parse(cursor);
        ready.ThrowIfNotReady();

        var query = store.Of(caller).AsNoTracking();
        if (after is { } last)
            query = query.Where(c => c.UpdatedAt < last.UpdatedAt || (c.UpdatedAt == last.UpdatedAt && c.Id.CompareTo(last.Id) < 0));
        var page = await Transient.RetryOnceAsync(_ => query
            .OrderByDescending(c => c.UpdatedAt).ThenByDescending(c => c.Id)
            .Take(limit + 1).ToListAsync(cancellationToken));
        return new(
            page.Take(limit).Select(ConversationView.Of).ToList(),
            page.Count > limit ? new PageCursor(page[limit - 1].UpdatedAt, page[limit - 1].Id).ToString() : null);
    }

    /// <summary>Makes an empty conversation.</summary>
    private static async Task<Created<ConversationView>> CreateAsync(
        TitleRequest request, Caller caller, ConversationStore store, CancellationToken cancellationToken)
    {
        var conversation = await store.CreateAsync(caller, Title(request, required: false), cancellationToken);
        return TypedResults.Created($"/api/conversations/{conversation.Id}", ConversationView.Of(conversation));
    }

    /// <summary>One conversation, without its messages.</summary>
    private static async Task<ConversationView> ReadAsync(
        Guid id, Caller caller, ConversationStore store, CancellationToken cancellationToken) =>
        ConversationView.Of(await store.ReadAsync(caller, id, cancellationToken));

    /// <summary>Changes the title.</summary>
    private static async Task<ConversationView> RenameAsync(
        Guid id, TitleRequest request, Caller caller, ConversationStore store, CancellationToken cancellationToken) =>
        ConversationView.Of(await store.RenameAsync(caller, id, Title(request, required: true)!, cancellationToken));

    /// <summary>Deletes for good. An answer being written in it is ended without being kept.</summary>
    private static async Task<NoContent> DeleteAsync(
        Guid id, Caller caller, ConversationStore store, ReplicaSignals signals, CancellationToken cancellationToken)
    {
        foreach (var answer in await store.DeleteAsync(caller, id, cancellationToken))
            signals.Send(SignalKind.Stop, answer);
        return TypedResults.NoContent();
    }

    private static string? Title(TitleRequest request, bool required)
    {
        if (request.Title is null && !required)
            return null;
        if (string.IsNullOrWhiteSpace(request.Title) || request.Title.Length > MaxTitle || request.Title.Contains('\0'))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"title must have 1 to {MaxTitle} characters.");
        return request.Title;
    }

    /// <summary>The messages, oldest first. A running answer shows what of it is committed.</summary>
    private static async Task<MessageList> MessagesAsync(
        Guid id, Caller caller, ConversationStore store, CancellationToken cancellationToken)
    {
        var messages = await Transient.RetryOnceAsync(_ => store.MessagesAsync(caller, id, cancellationToken));
        return new(id, messages.Select(MessageView.Of).ToList());
    }
}

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record ConversationPage(List<ConversationView> Conversations, string? NextCursor);

public sealed record ConversationView(Guid Id, string Title, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static ConversationView Of(Conversation c) => new(c.Id, c.Title, c.CreatedAt, c.UpdatedAt);
}

/// <param name="Title">At most 200 characters; longer than 80 is shortened.</param>
public sealed record TitleRequest(string? Title);

public sealed record MessageList(Guid ConversationId, List<MessageView> Messages);

/// <param name="Role"><c>user | assistant</c>.</param>
/// <param name="Status">See <see cref="AnswerStatus"/>.</param>
/// <param name="FinishReason">See <see cref="FinishReasons"/>.</param>
/// <param name="Error">A problem document beside the text.</param>
/// <param name="Grounding">See <see cref="GroundingStatus"/>.</param>
/// <param name="Sources">See <see cref="AnswerSource"/>; null until the answer has ended: what it cites is known then.</param>
/// <param name="Thinking">The model's reasoning before the answer, which is no part of it.</param>
/// <param name="Moderation">See <see cref="ModerationStatus"/>.</param>
/// <param name="Help">What the person's school says at signs of self-harm in the question.</param>
public sealed record MessageView(
    Guid Id, string Role, string Content, string Status, string? FinishReason, JsonElement? Usage, JsonElement? Error,
    int? TutorId, string? KbId, string? Grounding, JsonElement? Sources, DateTimeOffset CreatedAt, DateTimeOffset? CompletedAt,
    string? Thinking, string? Moderation, JsonElement? Help)
{
    public static MessageView Of(Message m) => new(
        m.Id, m.Role, m.Content, m.Status, m.FinishReason, Json(m.Usage), Json(m.Error), m.TutorId, m.KbId, m.Grounding,
        m.Status == AnswerStatus.Streaming ? null : Json(m.Sources), m.CreatedAt, m.CompletedAt, m.Thinking,
        m.Moderation, Json(m.Help));

    private static JsonElement? Json(string? text) => text is null ? null : JsonElement.Parse(text);
}

/// <summary>Where a page of conversations ended: opaque to clients, <c>{unix microseconds}_{id}</c>.</summary>
internal sealed record PageCursor(DateTimeOffset UpdatedAt, Guid Id)
{
    public static PageCursor? Parse(string? text)
    {
        if (text is null)
            return null;
        var parts = text.Split('_');
        return parts.Length == 2 && long.TryParse(parts[0], out var micros) && Guid.TryParse(parts[1], out var id)
               && micros is >= 0 and < 253_402_300_799_000_000
            ? new(DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond), id)
            : throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
    }

    public override string ToString() =>
        $"{(UpdatedAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond}_{Id}";
}
