using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>Images with a question, through the whole system.</summary>
[Collection(ChatCollection.Name)]
public sealed class ImageTests(SharedSystem system) : IAsyncLifetime
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(90));
    private readonly int _seed = Random.Shared.Next(1, int.MaxValue);

    public async ValueTask InitializeAsync()
    {
        _ = system.App;
        await system.UntilUpAsync(_limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await system.UntilUpAsync(_limit.Token);
        _limit.Dispose();
    }

    [Fact]
    public async Task Image_IsShownToTheModelAsItIsStored_OnceThoughItsOwnerIsKilled_AndAgainWithTheNextQuestion()
    {
        using var gateway = system.CreateChatClient();
        var capabilities = await gateway.Http.GetFromJsonAsync<JsonElement>("/api/capabilities", _limit.Token);
        capabilities.GetProperty("vision").GetBoolean().ShouldBeTrue();
        var upload = await File.ReadAllBytesAsync(
            Path.Combine(Repository.Root, "docs", "images", "dashboard-trace.png"), _limit.Token);
        using var uploaded = await gateway.Http.PostAsync("/api/images", new ByteArrayContent(upload), _limit.Token);
        var image = (await uploaded.Content.ReadFromJsonAsync<JsonElement>(_limit.Token)).GetProperty("id").GetGuid();
        var stored = await gateway.Http.GetByteArrayAsync($"/api/images/{image}", _limit.Token);
        var shown = new StubImage("image/jpeg", stored.Length, Convert.ToHexStringLower(SHA256.HashData(stored)));

        using var owning = system.CreateReplicaClient("chat-api");
        using var other = system.CreateReplicaClient("chat-api-2");
        await using var asked = await owning.AskAsync(
            $"What is it? [[stub tokens=120 rate=40 seed={_seed} unicode=1]]", images: [image]);
        await asked.UntilAsync(a => a.Text.Length > 30);
        await using var reading = await other.ResumeAsync(asked.MessageId, 0);
        var before = system.State("chat-api");
        system.Signal("chat-api", "KILL");
        (await reading.ToEndAsync()).Text.ShouldBe(StubText.Text(_seed, 120, unicode: true));
        await system.StateAsync("chat-api", state => state.IsUp && state.Pid != before.Pid, _limit.Token);
        Asked("What is it?").Images.ShouldBe([shown]);

        await using var next = await gateway.AskAsync($"And why? [[stub tokens=3 rate=0 seed={_seed}]]", asked.ConversationId);
        await next.ToEndAsync();
        var why = Asked("And why?");
        (why.Images.Single(), string.Join(' ', why.Parts)).ShouldBe((shown, "text image_url"));

        using var deleted = await gateway.Http.DeleteAsync($"/api/conversations/{asked.ConversationId}", _limit.Token);
        using var gone = await gateway.Http.GetAsync($"/api/images/{image}", _limit.Token);
        gone.StatusCode.ShouldBe(System.Net.HttpStatusCode.NotFound);
    }

    private StubRequest Asked(string question) => system.Stub.Log.Requests.Single(request =>
        request.LastUserMessage.StartsWith(question, StringComparison.Ordinal)
        && request.LastUserMessage.Contains($"seed={_seed}", StringComparison.Ordinal));
}
