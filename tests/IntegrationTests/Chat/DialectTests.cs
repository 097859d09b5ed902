using System.Text;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>
/// Streams of public model servers, from the server over the engine and chat to a client. The whole table is read by
/// the engine in its own tests; here is a seeded sample of it, and all of it in the long suite.
/// </summary>
[Collection(ChatCollection.Name)]
public sealed class DialectTests(SharedSystem system)
{
    [Fact]
    public Task Answer_OfSomeServers_IsTextThinkingAndEndApart() =>
        CheckAsync(DialectTable.All.Values.Where(IsSendable).OrderBy(_ => Random.Next()).Take(24));

    [Fact]
    [Trait("Category", "Long")]
    public Task Answer_OfAnyServer_IsTextThinkingAndEndApart() => CheckAsync(DialectTable.All.Values.Where(IsSendable));

    private static readonly Random Random = new(15);

    // As a question, which has 64 kB at most; and a model server has one template.
    private static bool IsSendable(Dialect dialect) => dialect is { BeginsThinking: false, Bytes.Length: > 0 and < 40_000 };

    private async Task CheckAsync(IEnumerable<Dialect> dialects)
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        foreach (var dialect in dialects)
        {
            var type = dialect.ContentType.Length == 0 ? "text/event-stream" : dialect.ContentType.Split(';')[0];
            await using var answer = await chat.AskAsync(
                $"[[stub raw={Convert.ToBase64String(dialect.Bytes)} type={type} breaks={(dialect.Breaks ? 1 : 0)}]]");
            await answer.ToEndAsync();

            answer.Text.ShouldBe(dialect.Text, dialect.Name);
            var end = answer.End!.Data;
            if (dialect.IsComplete)
            {
                end.GetProperty("status").GetString().ShouldBe("complete", dialect.Name);
                end.GetProperty("finish_reason").GetString().ShouldBe(dialect.End, dialect.Name);
            }
            else if (dialect.Text.Length > 0)
            {
                end.GetProperty("status").GetString().ShouldBe("interrupted", dialect.Name);
                end.GetProperty("error").GetProperty("detail").GetString()!.ShouldEndWith(dialect.Cause ?? "", customMessage: dialect.Name);
            }
            else
            {
                answer.End.Type.ShouldBe("error", dialect.Name);
                end.GetProperty("detail").GetString()!.ShouldEndWith(dialect.Cause ?? "", customMessage: dialect.Name);
            }
            if (!dialect.IsComplete)
                continue; // asked at a second engine, or once more, it may reason twice
            answer.Thought.ShouldBe(Encoding.UTF8.GetByteCount(dialect.Thinking), dialect.Name);
            var message = (await chat.MessagesAsync(answer.ConversationId))[1];
            (message.GetProperty("thinking").GetString() ?? "").ShouldBe(dialect.Thinking, dialect.Name);
            message.GetProperty("content").GetString().ShouldBe(dialect.Text, dialect.Name);
        }
    }
}
