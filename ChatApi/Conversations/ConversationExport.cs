using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace Lyceum.ChatApi.Conversations;

/// <summary>
/// A conversation as a file: Markdown of the active branch for people, JSON of all branches for programs. It is written while it is
/// read, a page at a time, so that a long conversation takes no memory.
/// </summary>
public sealed class ConversationExport(ConversationStore conversations, MessagePages pages)
{
    private const int Page = 50;
    private const int MaxName = 80;

    /// <exception cref="ServiceDefaults.Errors.ProblemException">404 <c>conversation_not_found</c>.</exception>
    public async Task<PushStreamHttpResult> OpenAsync(
        Caller caller, Guid id, bool isJson, HttpResponse response, CancellationToken cancellationToken)
    {
        var conversation = await conversations.ReadAsync(caller, id, cancellationToken);
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(FileName(conversation.Title) + (isJson ? ".json" : ".md"));
        response.Headers.ContentDisposition = disposition.ToString();
        response.Headers.CacheControl = "no-store";
        return TypedResults.Stream(
            body => isJson ? WriteJsonAsync(caller, conversation, body, cancellationToken)
                : WriteMarkdownAsync(caller, conversation, body, cancellationToken),
            isJson ? "application/json" : "text/markdown; charset=utf-8");
    }

    /// <summary>Letters of any script; nothing that a file system or a header takes for something else.</summary>
    internal static string FileName(string title)
    {
        var name = new StringBuilder();
        foreach (var rune in title.EnumerateRunes())
        {
            var isPlain = Rune.IsLetterOrDigit(rune) || rune.Value is '-' or '_' or ' '
                || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
            name.Append(isPlain ? rune.ToString() : " ");
        }
        var words = string.Join(' ', name.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return words.Length == 0 ? "conversation" : Utf16.Truncate(words, MaxName).TrimEnd();
    }

    private async Task WriteJsonAsync(Caller caller, Conversation conversation, Stream body, CancellationToken cancellationToken)
    {
        var options = AnswerJson.Options;
        await WriteAsync(body, $"{{\"conversation\":{JsonSerializer.Serialize(ConversationView.Of(conversation, null), options)},\"messages\":[");
        var isFirst = true;
        await foreach (var (message, siblings) in MessagesAsync(caller, conversation.Id, all: true, cancellationToken))
        {
            await WriteAsync(body, (isFirst ? "\n" : ",\n") + JsonSerializer.Serialize(MessageView.Of(message, siblings), options));
            isFirst = false;
        }
        await WriteAsync(body, "\n]}\n");

        async Task WriteAsync(Stream to, string text) => await to.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);
    }

    private async Task WriteMarkdownAsync(Caller caller, Conversation conversation, Stream body, CancellationToken cancellationToken)
    {
        await using var text = new StreamWriter(body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        await text.WriteAsync($"# {OneLine(conversation.Title)}\n\n{conversation.CreatedAt:yyyy-MM-dd HH:mm} UTC\n");
        await foreach (var (message, _) in MessagesAsync(caller, conversation.Id, all: false, cancellationToken))
        {
            await text.WriteAsync($"\n## {(message.Role == "user" ? "Question" : "Answer")}, {message.CreatedAt:yyyy-MM-dd HH:mm}\n\n");
            await text.WriteAsync(message.Content.TrimEnd() + "\n");
            foreach (var image in message.Images)
                await text.WriteAsync($"\n![{image.Width} × {image.Height}](/api/images/{image.Id})\n");
            if (message.Role == "assistant" && message.Status != AnswerStatus.Complete)
                await text.WriteAsync($"\n*{message.Status}*\n");
            var sources = AnswerJson.Parse<List<AnswerSource>>(message.Sources) ?? [];
            foreach (var source in sources.Where(source => source.Cited))
                await text.WriteAsync($"\n> [{source.Number}] {OneLine(source.Title ?? "")} ({OneLine(source.Source ?? "")})\n");
            await text.FlushAsync(cancellationToken);
        }
    }

    /// <summary>Oldest first.</summary>
    private async IAsyncEnumerable<(Message Message, ILookup<Guid?, Guid> Siblings)> MessagesAsync(
        Caller caller, Guid id, bool all, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var ids = await pages.ReadIdsAsync(caller, id, all, cancellationToken);
        foreach (var chunk in ids.Chunk(Page))
        {
            var (messages, siblings) = await pages.ReadAsync(id, chunk, cancellationToken);
            foreach (var message in messages)
                yield return (message, siblings);
        }
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
