using System.Text;
using Lyceum.Client;

namespace Lyceum.Tests.Client.Tests;

/// <summary>Calls other than questions: what may be repeated is, and what is refused says why.</summary>
public sealed class ApiTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_OfAServerThatIsBusy_IsRepeated()
    {
        var tries = 0;
        await using var gateway = new StubGateway(_ => ++tries switch
        {
            1 => Reply.Problem(503, "database_unavailable", retryAfter: "0"),
            2 => null,
            _ => Reply.Json(200, """{"conversations":[]}"""),
        });
        using var client = Client(gateway);

        await client.Api.GetConversationsAsync(limit: 5, cancellationToken: Cancel);

        gateway.Requests.Select(request => request.Target).Distinct().ShouldBe(["/api/conversations?limit=5"]);
        gateway.Requests.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Read_OfAServerThatStaysBusy_IsThrownAfterItsRetries()
    {
        await using var gateway = new StubGateway(_ => Reply.Problem(503, "database_unavailable", retryAfter: "0"));
        using var client = Client(gateway);

        var refused = await Should.ThrowAsync<LyceumException>(() => client.Api.GetConversationsAsync(cancellationToken: Cancel));

        (refused.StatusCode, refused.Code, refused.RetryAfter).ShouldBe((503, "database_unavailable", TimeSpan.Zero));
        gateway.Requests.Count.ShouldBe(4);
    }

    /// <summary>It may have been carried out: sent again, it would be carried out twice.</summary>
    [Fact]
    public async Task Change_WithoutAKey_IsNotRepeated()
    {
        await using var gateway = new StubGateway(_ => null);
        using var client = Client(gateway);

        await Should.ThrowAsync<HttpRequestException>(() => client.Api.PostConversationsAsync(new TitleRequest(), Cancel));

        gateway.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Stop_OfAnAnswer_IsRepeatedUntilItIsHeard()
    {
        var (tries, id) = (0, Guid.CreateVersion7());
        await using var gateway = new StubGateway(_ => ++tries == 1
            ? null
            : Reply.Json(202, $$"""{"message_id":"{{id}}","conversation_id":"{{id}}","status":"streaming","length":7}"""));
        using var client = Client(gateway);

        var stopped = await client.StopAsync(id, Cancel);

        (stopped.Status, stopped.Length, stopped.FinishReason).ShouldBe(("streaming", 7, null));
        gateway.Requests.Last().Target.ShouldBe($"/chat/{id}/stop");
    }

    [Fact]
    public async Task Change_OfOneMember_LeavesTheOthersOut()
    {
        await using var gateway = new StubGateway(_ => Reply.Problem(404, "conversation_not_found"));
        using var client = Client(gateway);

        await Should.ThrowAsync<LyceumException>(
            () => client.Api.PatchConversationsByIdAsync(Guid.NewGuid(), new ConversationRequest { Pinned = true }, Cancel));

        Encoding.UTF8.GetString(gateway.Requests.Single().Body).ShouldBe("""{"pinned":true}""");
    }

    private static LyceumClient Client(StubGateway gateway) => new(
        gateway.Address, LyceumCredentials.Token("t"),
        new() { FirstPause = TimeSpan.FromMilliseconds(1), LongestPause = TimeSpan.FromMilliseconds(5) });
}
