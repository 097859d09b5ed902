using System.Text;
using Lyceum.Client;
using Lyceum.Tests.IntegrationTests.Browser;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Clients;

/// <summary>The public client through everything that breaks on the way: the cable, the replica that writes.</summary>
[Collection(ChatCollection.Name)]
public sealed class DotnetClientTests(SharedSystem system)
{
    [Fact]
    public async Task Answer_ThroughACutCableAndAKilledReplica_IsReadOnceAndWhole()
    {
        _ = system.App;
        using var limit = new CancellationTokenSource(SystemFixture.Limit);
        var seed = Random.Shared.Next(1, int.MaxValue);
        using var gateway = system.CreateAnonymousClient();
        await using var cable = new Relay(gateway.BaseAddress!);
        using var client = new LyceumClient(cable.Address, LyceumCredentials.Token(system.DevelopmentToken));
        var (text, events, cut, killed) = (new StringBuilder(), new List<AnswerEvent>(), false, false);
        await using var changes = client.ChangesAsync(cancellationToken: limit.Token).GetAsyncEnumerator(limit.Token);
        (await changes.MoveNextAsync()).ShouldBeTrue();
        changes.Current.Type.ShouldBe("ready");

        await foreach (var item in client.AskAsync($"[[stub tokens=120 rate=40 seed={seed} unicode=1]]", limit.Token))
        {
            events.Add(item);
            if (item is not AnswerText piece)
                continue;
            text.Append(piece.Text);
            if (!cut && text.Length > 100)
            {
                cut = true;
                cable.Cut();
                cable.Restore();
            }
            if (!killed && text.Length > 200)
            {
                killed = true;
                system.Signal(await system.OwnerAsync(limit.Token), "KILL");
            }
        }

        text.ToString().ShouldBe(StubText.Text(seed, 120, unicode: true));
        (cut, killed).ShouldBe((true, true));
        events.OfType<AnswerStarted>().Count().ShouldBe(1);
        events[^1].ShouldBeOfType<AnswerEnded>().End.Status.ShouldBe("complete");
        system.Stub.Log.Requests.Count(request => request.LastUserMessage.Contains($"seed={seed} ", StringComparison.Ordinal)).ShouldBe(1);
        var started = events.OfType<AnswerStarted>().Single().Start;
        // Told by the database, in the same order, once: also of the answer that another replica took over.
        List<string> told = [];
        while (!told.Contains("answer.ended") && await changes.MoveNextAsync())
        {
            if (changes.Current.Data.TryGetProperty("message_id", out var id) && id.GetGuid() == started.MessageId)
                told.Add(changes.Current.Type);
        }
        told.ShouldBe(["answer.started", "answer.ended"]);
        var messages = await client.Api.GetConversationsByIdMessagesAsync(started.ConversationId, cancellationToken: limit.Token);
        messages.Messages[^1].Content.ShouldBe(text.ToString());
        (await client.StopAsync(started.MessageId, limit.Token)).Status.ShouldBe("complete"); // too late, and no error
        (await Should.ThrowAsync<LyceumException>(() => client.StopAsync(Guid.CreateVersion7(), limit.Token))).Code.ShouldBe("message_not_found");
    }
}
