using System.Text.Json;
using Lyceum.EngineClient;

namespace Lyceum.Tests.EngineClient.Tests;

public sealed class CompletionRequestTests
{
    [Fact]
    public void Images_AreContentParts_AndThoseThatAreNotThereAreToldOf()
    {
        var (one, gone) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        var bytes = new byte[] { 0xFB, 0xEF, 0xBE, 0xFF, 0, 1 }; // in base64 they have + and /
        var request = new CompletionRequest(
        [
            new("system", "S"), new("user", "old") { Images = [gone], ImagesLeftOut = 2 },
            new("user", "What is \"this\"?") { Images = [one, gone] },
        ])
        {
            Images = new Dictionary<Guid, ContextImage> { [one] = new("image/jpeg", bytes) },
        };

        var json = JsonElement.Parse(request.ToJson());

        json.GetProperty("messages")[0].ToString().ShouldBe("""{"role":"system","content":"S"}""");
        json.GetProperty("messages")[1].GetProperty("content").GetString().ShouldBe("old\n\n[Images that are not shown here: 3]");
        var parts = json.GetProperty("messages")[2].GetProperty("content");
        parts.GetArrayLength().ShouldBe(2);
        parts[0].GetProperty("text").GetString().ShouldBe("What is \"this\"?\n\n[Images that are not shown here: 1]");
        parts[1].ToString().ShouldBe($$$"""{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,{{{Convert.ToBase64String(bytes)}}}"}}""");
    }

    [Fact]
    public void MostImages_WithTheLongestQuestion_FitIntoWhatAnEngineTakes()
    {
        var images = Enumerable.Range(0, ImageLimits.PerQuestion).ToDictionary(
            _ => Guid.CreateVersion7(), _ => new ContextImage("image/jpeg", new byte[ImageLimits.StoredBytes]));
        var request = new CompletionRequest([new("user", new string('"', 64 * 1024)) { Images = [.. images.Keys] }]) { Images = images };

        request.ToJson().Length.ShouldBeLessThan(4 * 1024 * 1024);
    }
}
