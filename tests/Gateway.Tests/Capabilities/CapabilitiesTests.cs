using System.Net;
using System.Text.Json;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Gateway.Tests.Capabilities;

public sealed class CapabilitiesTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "gpu-engine", "session-api");
    private readonly List<IAsyncDisposable> _started = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var one in Enumerable.Reverse(_started))
            await one.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public async Task Engines_OfferDifferentThings_AndWhatOneHasIsThere()
    {
        var primer = await EngineAsync("primer", new(LanguageModel: false, Asr: false, Tts: true, Moderation: false));
        var model = await EngineAsync("qwen3", new(LanguageModel: true, Asr: true, Tts: false, Moderation: false, Vision: true));
        var away = await EngineAsync(null, new(LanguageModel: true, Asr: false, Tts: false, Moderation: false));
        var gateway = Start(await SessionApiAsync(primer, away, model));

        var all = await ReadUntilAsync(gateway, offer => offer.GetProperty("model").GetProperty("kind").GetString() == "model");

        all.GetProperty("model").GetProperty("name").GetString().ShouldBe("qwen3");
        Flags(all).ShouldBe("vision=True asr=True tts=True embeddings=False moderation=False");
        Texts(all, "documents").ShouldBe(["text/markdown", "application/pdf"]);
        all.GetProperty("limits").ToString()
            .ShouldBe("""{"upload_bytes":33554432,"text_bytes":1000,"document_bytes":2000,"images":5,"image_bytes":8388608}""");
        (all.GetProperty("role").GetString(), string.Join(' ', Texts(all, "scopes"))).ShouldBe(("owner", "chat llm"));
    }

    [Fact]
    public async Task Engines_AreAskedOnce_HoweverManyWantToKnow()
    {
        var asked = 0;
        var engine = await EngineAsync(() =>
        {
            Interlocked.Increment(ref asked);
            return Results.Ok(Announced("primer", new(false, false, false, Moderation: true)));
        });
        // Configured, and no directory that would name others.
        var gateway = Start(null, engine);

        var all = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => ReadAsync(gateway)));

        all.ShouldAllBe(offer => offer.GetProperty("model").GetProperty("kind").GetString() == "primer");
        Flags(all[0]).ShouldEndWith("moderation=True");
        asked.ShouldBeInRange(1, 10); // once in five seconds, on a slow machine too
    }

    /// <summary>An engine of an earlier version, and whatever else stands at its address.</summary>
    [Theory]
    [InlineData("""{"id":"e","incarnation":"0199b1b5-0000-7000-8000-000000000000","url":"http://e/","capacity":1,"sessions":0,"model":"m"}""")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("<html>")]
    [InlineData("")]
    [InlineData(null)]
    public async Task Engine_DoesNotSayWhatItHas_NothingIsOffered(string? answer)
    {
        var engine = await EngineAsync(() => answer is null ? Results.StatusCode(500) : Results.Text(answer, "application/json"));
        ShouldOfferNothing(await ReadAsync(Start(null, engine)));
    }

    [Fact]
    public async Task Nothing_Answers_NothingIsOffered()
    {
        var nobody = new Uri("http://127.0.0.1:9");
        ShouldOfferNothing(await ReadAsync(Start(nobody, nobody)));
        ShouldOfferNothing(await ReadAsync(Start(null)));
    }

    [Fact]
    public async Task Caller_IsToldWhatItIs_AndMustBeSomebody()
    {
        var gateway = Start(null);
        var student = _identity.Token(
            "session-api", aud: "lyceum-user", sub: "0199", tenant: "school", scope: "practice chat", role: "student");

        var all = await (await gateway.GetAsync("/api/capabilities", student)).JsonAsync();

        (all.GetProperty("role").GetString(), string.Join(' ', Texts(all, "scopes"))).ShouldBe(("student", "chat practice"));
        await (await gateway.GetAsync("/api/capabilities", token: null))
            .ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    private static void ShouldOfferNothing(JsonElement all)
    {
        all.GetProperty("model").ToString().ShouldBe("""{"kind":"none","name":null}""");
        Flags(all).ShouldBe("vision=False asr=False tts=False embeddings=False moderation=False");
        Texts(all, "documents").ShouldBeEmpty();
        all.GetProperty("limits").ToString()
            .ShouldBe("""{"upload_bytes":33554432,"text_bytes":null,"document_bytes":null,"images":0,"image_bytes":0}""");
    }

    private TestGateway Start(Uri? sessions, params Uri[] engines)
    {
        var gateway = TestGateway.Start(_identity, new([
            .. sessions is null ? [] : TestGateway.Reference("session-api", sessions),
            .. TestGateway.Reference("gpu-engine", engines),
        ]));
        _started.Add(gateway);
        return gateway;
    }

    private async Task<Uri> SessionApiAsync(params Uri[] engines) => await ServiceAsync("session-api", app =>
    {
        app.MapGet("/internal/engines", () => new EngineList(
            [.. engines.Select((url, index) => Announced(null, null) with { Id = $"engine-{index}", Url = url })])).RequireService();
        app.MapGet("/internal/capabilities", () => Results.Ok(new
        {
            documents = (string[])["text/markdown", "application/pdf"], text_bytes = 1000, document_bytes = 2000,
        })).RequireService();
    });

    private Task<Uri> EngineAsync(string? model, EngineOffers offers) =>
        EngineAsync(() => Results.Ok(Announced(model, offers)));

    private Task<Uri> EngineAsync(Func<IResult> answer) =>
        ServiceAsync("gpu-engine", app => app.MapGet("/v1/engine", answer).RequireService());

    private async Task<Uri> ServiceAsync(string name, Action<WebApplication> map)
    {
        var service = await TestService.StartAsync(_identity, name, map: map);
        _started.Add(service);
        return service.Address;
    }

    private static EngineAnnouncement Announced(string? model, EngineOffers? offers) =>
        new("engine", Guid.CreateVersion7(), new Uri("http://127.0.0.1:9"), null, 1, 0, model) { Offers = offers };

    private static async Task<JsonElement> ReadAsync(TestGateway gateway)
    {
        using var response = await gateway.GetAsync("/api/capabilities");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return await response.JsonAsync();
    }

    /// <summary>The directory is read in the background.</summary>
    private static async Task<JsonElement> ReadUntilAsync(TestGateway gateway, Func<JsonElement, bool> isThere)
    {
        JsonElement all = default;
        await Eventually.TrueAsync(async () => isThere(all = await ReadAsync(gateway)), "what engines of the directory offer");
        return all;
    }

    private static string Flags(JsonElement all) => string.Join(' ',
        ((string[])["vision", "asr", "tts", "embeddings", "moderation"]).Select(name => $"{name}={all.GetProperty(name).GetBoolean()}"));

    private static IEnumerable<string> Texts(JsonElement all, string name) =>
        all.GetProperty(name).EnumerateArray().Select(text => text.GetString()!);
}
