using Lyceum.GpuEngine.Announcing;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>What an engine says that it has.</summary>
public sealed class OffersTests
{
    [Fact]
    public async Task Engine_WithNothingConfigured_OffersPrimerAlone()
    {
        await using var engine = await SessionEngine.StartAsync(("Llm:Endpoint", ""), ("Tts:Espeak", ""));
        (await OffersAsync(engine)).ShouldBe("""{"language_model":false,"asr":false,"tts":false,"moderation":false,"vision":false}""");
    }

    [Fact]
    public async Task Engine_WithServers_OffersWhatTheyDo_AndTheDirectoryIsToldAsBefore()
    {
        await using var engine = await SessionEngine.WithSpeechAsync(("Moderation:Endpoint", "http://127.0.0.1:9/v1"), ("Llm:Vision", "true"));
        (await OffersAsync(engine)).ShouldBe("""{"language_model":true,"asr":true,"tts":true,"moderation":true,"vision":true}""");

        var announced = await engine.Services.GetRequiredService<Announcement>().MakeAsync(TestContext.Current.CancellationToken);
        System.Text.Json.JsonSerializer.Serialize(announced).ShouldNotContain("Offers");
    }

    private static async Task<string> OffersAsync(SessionEngine engine)
    {
        using var response = await engine.SendAsync(HttpMethod.Get, "/v1/engine", engine.Token());
        return (await response.JsonAsync()).GetProperty("offers").ToString();
    }
}
