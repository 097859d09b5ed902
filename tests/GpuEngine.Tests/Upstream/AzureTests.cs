using System.Text.Json;
using Lyceum.Tests.GpuEngine.Sessions;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.GpuEngine.Upstream;

/// <summary>What Azure alone has.</summary>
public sealed class AzureTests
{
    [Theory]
    [InlineData(null, "2025-04-01-preview")]
    [InlineData("2024-10-21", "2024-10-21")]
    public async Task Request_ToAzure_NamesDeploymentVersionAndKey(string? version, string sent)
    {
        await using var engine = await Connector.EngineAsync(
            Connector.Azure, version is null ? [] : [("Llm:ApiVersion", version)]);

        (await engine.StreamAsync("[[stub tokens=1]]")).Done.ShouldBeTrue();

        var request = engine.Stub!.Log.Requests.ShouldHaveSingleItem();
        (request.Model, request.ApiVersion, request.ApiKey, request.Authorization).ShouldBe(("stub", sent, "s3cret", null));
    }

    [Fact]
    public async Task Passages_OnAzure_GoIntoThePrompt()
    {
        await using var engine = await Connector.EngineAsync(Connector.Azure);

        (await engine.StreamAsync(new
        {
            stream = true,
            messages = new[] { new { role = "user", content = "[[stub tokens=1]]" } },
            lyceum = new { passages = new[] { new { text = "A heron stands." } } },
        })).Done.ShouldBeTrue();

        var body = JsonElement.Parse(engine.Stub!.Log.Requests.ShouldHaveSingleItem().Body);
        body.TryGetProperty("lyceum", out _).ShouldBeFalse();
        body.GetProperty("messages")[0].GetProperty("content").GetString()!.ShouldContain("[1]\nA heron stands.");
    }

    [Fact]
    public async Task Deployment_Missing_Is404WithTheSettingToCheck()
    {
        await using var engine = await Connector.EngineAsync(Connector.Azure, new StubOptions(Models: ["another"]));

        using var response = await engine.AskAsync("hi");

        var error = await response.ShouldBeApiError(404, "model_not_found");
        error.GetProperty("message").GetString()!.ShouldContain("'stub'; check Llm:Model");
    }

    [Fact]
    public async Task FinishReason_UnknownToTheSdk_IsUpstreamBroken()
    {
        await using var engine = await Connector.EngineAsync(Connector.Azure);

        var answer = await engine.StreamAsync("[[stub tokens=3 rate=0 finish=abort]]");

        (answer.Text, answer.ErrorCode, answer.Done).ShouldBe((StubText.Text(0, 3, false), "upstream_broken", false));
    }

    [Fact]
    public async Task LiveTurn_OverAzure_EndsWithReasonAndUsage_AndMakesRoomForTheNext()
    {
        await using var engine = await SessionEngine.StartAsync(Connector.Settings(Connector.Azure, SessionEngine.StubUrl, "stub"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());

        await client.SayAsync("[[stub tokens=7 rate=0 seed=3 unicode=1 finish=length]]");
        var text = await client.UntilAsync("text");
        (text.GetProperty("content").GetString(), text.GetProperty("finish_reason").GetString()).ShouldBe((StubText.Text(3, 7, true), "length"));
        (await client.UntilAsync("latency_report")).GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBe(7);

        await client.SayAsync("[[stub tokens=9 stall_after=1]]");
        await client.UntilAsync("delta");
        await client.SayAsync("[[stub tokens=2 rate=0]]");
        await engine.Stub.UntilAsync(log => log.Count == 3 && log.Running == 0);
        engine.Stub.Log.Requests[1].Ended.ShouldBe(StubEnd.ClientGone);

        await client.SayAsync("[[stub status=429]]");
        (await client.UntilAsync("error")).GetProperty("code").GetString().ShouldBe("upstream_busy");
    }

    [Fact]
    public async Task Chunk_OfAzure_HasFinishReasonAndUsage()
    {
        await using var engine = await Connector.EngineAsync(Connector.Azure);

        var answer = await engine.StreamAsync(new
        {
            stream = true,
            stream_options = new { include_usage = true },
            messages = new[] { new { role = "user", content = "[[stub tokens=3 rate=0]]" } },
        });

        var chunks = answer.Raw.Split("\n\n").Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
            .Select(line => JsonElement.Parse(line["data: ".Length..])).ToList();
        chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct().ShouldHaveSingleItem().ShouldNotBeNullOrEmpty();
        chunks.Select(chunk => chunk.GetProperty("usage").ValueKind).SkipLast(1).ShouldAllBe(kind => kind == JsonValueKind.Null);
        chunks.SkipLast(1).Select(chunk => chunk.GetProperty("choices")[0].GetProperty("finish_reason").GetString()).ShouldBe([null, null, null, null, "stop"]);
        chunks[^1].GetProperty("choices").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Settings_WithErrors_AreAllReportedAtTheStart()
    {
        var errors = await ErrorsAsync(
            ("Llm:Connector", "azure-openai"), ("Llm:Endpoint", "http://model.example/openai/deployments/x"), ("Llm:ApiVersion", "2019-01-01"));

        errors.Count.ShouldBe(5, string.Join('\n', errors));
        foreach (var part in (string[])["must be https", "http://model.example, without a path", "Llm:Model is missing", "Llm:ApiKey is missing", "one of 2024-06-01, "])
        {
            errors.ShouldContain(error => error.Contains(part, StringComparison.Ordinal), part);
        }
    }

    [Theory]
    [InlineData("Llm:Connector", "semantic-kernel", "must be openai or azure-openai")]
    [InlineData("Llm:Connector", "azure-openai", "Llm:Endpoint is missing")]
    [InlineData("Llm:ApiVersion", "2024-10-21", "for Llm:Connector=azure-openai only")]
    public async Task Setting_Invalid_IsRejectedAtTheStart(string key, string value, string error) =>
        (await ErrorsAsync((key, value))).ShouldContain(said => said.Contains(error, StringComparison.Ordinal));

    [Fact]
    public async Task Endpoint_OfAzuresOpenAIRoute_NamesTheOtherConnector() =>
        (await ErrorsAsync(Connector.Settings(Connector.Azure, "https://x.openai.azure.com/openai/v1/", "m")))
            .ShouldHaveSingleItem().ShouldContain("use Llm:Connector=openai");

    private static async Task<List<string>> ErrorsAsync(params (string Key, string Value)[] settings) =>
        [.. (await Should.ThrowAsync<OptionsValidationException>(() => Engine.StartAsync(null, settings))).Failures];
}
