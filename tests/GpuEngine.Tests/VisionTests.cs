using System.Security.Cryptography;
using Lyceum.EngineClient;

namespace Lyceum.Tests.GpuEngine;

/// <summary>Images in questions: content parts, which reach a model that takes them as they are.</summary>
public sealed class VisionTests
{
    private static readonly byte[] Image = RandomNumberGenerator.GetBytes(600_000);

    private static object Question(string text, params object[] more) => new
    {
        stream = true,
        messages = new object[]
        {
            new { role = "system", content = "S" },
            new { role = "user", content = (object[])[new { type = "text", text }, .. more] },
        },
        lyceum = new { passages = new[] { new { text = "A passage with a + and a /." } } },
    };

    private static object Part(byte[] image) =>
        new { type = "image_url", image_url = new { url = $"data:image/jpeg;base64,{Convert.ToBase64String(image)}" } };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Images_ReachTheModelAsTheyAre(bool detached)
    {
        await using var engine = await Engine.BeforeStubAsync(("Llm:Vision", "true"));

        using var response = await engine.DetachOrAskAsync(
            detached, Question("[[stub tokens=3 rate=0]]", Part(Image), Part(Image[..1000])));
        (await StreamedAnswer.ReadAsync(response)).Done.ShouldBeTrue();

        var asked = engine.Stub!.Log.Requests.ShouldHaveSingleItem();
        asked.Parts.ShouldBe(["text", "image_url", "image_url"]);
        asked.Images.ShouldBe([
            new("image/jpeg", 600_000, Convert.ToHexStringLower(SHA256.HashData(Image))),
            new("image/jpeg", 1000, Convert.ToHexStringLower(SHA256.HashData(Image.AsSpan(0, 1000)))),
        ]);
    }

    /// <summary>Five of half a MiB with a question of 64 kB: as much as ChatApi sends.</summary>
    [Fact]
    public async Task Images_AsManyAsAQuestionHas_FitIntoARequest()
    {
        await using var engine = await Engine.BeforeStubAsync(("Llm:Vision", "true"));
        var most = new byte[ImageLimits.StoredBytes];

        using var response = await engine.DetachAsync(
            Guid.CreateVersion7().ToString(),
            Question("[[stub tokens=3 rate=0]]" + new string('"', 64_000),
                [.. Enumerable.Range(0, ImageLimits.PerQuestion).Select(_ => Part(most))]));

        (await StreamedAnswer.ReadAsync(response)).Done.ShouldBeTrue();
        engine.Stub!.Log.Requests.ShouldHaveSingleItem().Images.Count.ShouldBe(5);
    }

    [Fact]
    public async Task Engine_NotKnownToTakeImages_RefusesThemDetached_AndLeavesThePassThroughToItsServer()
    {
        await using var engine = await Engine.BeforeStubAsync();

        using (var refused = await engine.DetachOrAskAsync(true, Question("What is this?", Part(Image[..100]))))
            (await refused.ShouldBeApiError(400, "vision_unsupported")).GetProperty("message").GetString()!.ShouldContain("Llm:Vision");
        engine.Stub!.Log.Count.ShouldBe(0);

        using var passed = await engine.DetachOrAskAsync(false, Question("[[stub tokens=3 rate=0]]", Part(Image[..100])));
        (await StreamedAnswer.ReadAsync(passed)).Done.ShouldBeTrue();
        engine.Stub.Log.Requests.ShouldHaveSingleItem().Images.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Primer_HasNoEyes_AndSaysSo(bool detached)
    {
        await using var engine = await Engine.PrimerAsync();
        using var response = await engine.DetachOrAskAsync(detached, Question("What is this?", Part(Image[..100])));
        await response.ShouldBeApiError(400, "vision_unsupported");
    }
}
