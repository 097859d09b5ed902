using System.Diagnostics;
using System.Text.Json;

namespace Lyceum.Tests.GpuEngine;

public sealed class PrimerApiTests
{
    [Fact]
    public async Task Models_WithoutLanguageModel_ListPrimer()
    {
        await using var engine = await Engine.PrimerAsync();

        using var list = await engine.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken);
        var models = await list.JsonAsync();

        models.GetProperty("object").GetString().ShouldBe("list");
        var model = models.GetProperty("data").EnumerateArray().ShouldHaveSingleItem();
        model.GetProperty("id").GetString().ShouldBe("primer");
        model.GetProperty("object").GetString().ShouldBe("model");
        model.GetProperty("created").GetInt64().ShouldBeGreaterThan(0);
        model.GetProperty("owned_by").GetString().ShouldBe("lyceum");
        model.GetProperty("lyceum").GetProperty("kind").GetString().ShouldBe("primer");

        using var one = await engine.Client.GetAsync("/v1/models/primer", TestContext.Current.CancellationToken);
        (await one.JsonAsync()).GetProperty("id").GetString().ShouldBe("primer");
        using var none = await engine.Client.GetAsync("/v1/models/meta/llama", TestContext.Current.CancellationToken);
        await none.ShouldBeApiError(404, "model_not_found");
    }

    [Fact]
    public async Task Stream_OfPrimer_HasOpenAIsShape()
    {
        await using var engine = await Engine.PrimerAsync();

        using var response = await engine.AskAsync(new
        {
            model = "primer",
            stream = true,
            stream_options = new { include_usage = true },
            messages = new[] { new { role = "user", content = "What is spaced repetition?" } },
        });
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        response.Headers.GetValues("X-Accel-Buffering").ShouldBe(["no"]);
        response.Headers.CacheControl!.NoCache.ShouldBeTrue();
        var answer = await StreamedAnswer.ReadAsync(response);

        answer.Done.ShouldBeTrue();
        answer.FinishReason.ShouldBe("stop");
        answer.Text.ShouldContain("[1] Spacing");
        var chunks = answer.Raw.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Where(e => e is not "data: [DONE]").Select(e => JsonDocument.Parse(e["data: ".Length..]).RootElement).ToList();
        chunks[0].GetProperty("choices")[0].GetProperty("delta").GetProperty("role").GetString().ShouldBe("assistant");
        chunks.Select(c => c.GetProperty("id").GetString()).Distinct().ShouldHaveSingleItem().ShouldStartWith("chatcmpl-");
        chunks.ShouldAllBe(c => c.GetProperty("model").GetString() == "primer");
        chunks[..^1].ShouldAllBe(c => c.GetProperty("usage").ValueKind == JsonValueKind.Null);
        // Role, one chunk a token, finish, usage.
        answer.Usage!.Value.GetProperty("completion_tokens").GetInt32().ShouldBe(chunks.Count - 3);
        chunks[^1].GetProperty("choices").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Whole_OfPrimer_EqualsTheStreamedText()
    {
        await using var engine = await Engine.PrimerAsync();
        var streamed = await engine.StreamAsync("什么是费曼技巧？");

        using var response = await engine.AskAsync("什么是费曼技巧？", stream: false);
        var whole = await response.JsonAsync();

        whole.GetProperty("object").GetString().ShouldBe("chat.completion");
        var choice = whole.GetProperty("choices")[0];
        choice.GetProperty("message").GetProperty("role").GetString().ShouldBe("assistant");
        choice.GetProperty("message").GetProperty("content").GetString().ShouldBe(streamed.Text);
        choice.GetProperty("finish_reason").GetString().ShouldBe("stop");
        var usage = whole.GetProperty("usage");
        usage.GetProperty("total_tokens").GetInt32()
            .ShouldBe(usage.GetProperty("prompt_tokens").GetInt32() + usage.GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task Answer_LongerThanMaxTokens_EndsWithLength()
    {
        await using var engine = await Engine.PrimerAsync();

        var answer = await engine.StreamAsync(new
        {
            stream = true, max_tokens = 5, messages = new[] { new { role = "user", content = "hello" } },
        });

        answer.FinishReason.ShouldBe("length");
        answer.Text.ShouldBe("Hello! I am Primer");
    }

    [Fact]
    public async Task Answer_WithStopText_EndsBeforeIt()
    {
        await using var engine = await Engine.PrimerAsync();

        var answer = await engine.StreamAsync(new
        {
            stream = true, stop = "Primer", messages = new[] { new { role = "user", content = "hello" } },
        });

        (answer.Text, answer.FinishReason).ShouldBe(("Hello! I am ", "stop"));
    }

    [Fact]
    public async Task Stream_OfPrimer_KeepsTokensPerSecond()
    {
        await using var engine = await Engine.PrimerAsync(("Primer:TokensPerSecond", "100"));
        var start = Stopwatch.GetTimestamp();

        var answer = await engine.StreamAsync(new
        {
            stream = true, max_tokens = 31, messages = new[] { new { role = "user", content = "hello" } },
        });

        answer.FinishReason.ShouldBe("length");
        Stopwatch.GetElapsedTime(start).TotalMilliseconds.ShouldBeGreaterThanOrEqualTo(295);
    }

    [Fact]
    public async Task Stream_BeyondMaxDuration_EndsWithItsErrorAndWithoutDone()
    {
        await using var engine = await Engine.PrimerAsync(
            ("Primer:TokensPerSecond", "5"), ("Answers:MaxDuration", "00:00:03"));

        var answer = await engine.StreamAsync("hello");

        answer.Text.ShouldStartWith("Hello");
        answer.ErrorCode.ShouldBe("max_duration");
        answer.Done.ShouldBeFalse();
    }
}
