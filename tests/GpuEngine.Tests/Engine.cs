using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lyceum.GpuEngine;
using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.Launch;
using Lyceum.GpuEngine.Speech;
using Lyceum.Tests.StubModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine;

/// <summary>A GpuEngine on real Kestrel, with Primer or before a stub model, and a caller who may use it.</summary>
internal sealed class Engine : IAsyncDisposable
{
    private readonly IdentityFolder _identity;
    private readonly TestService _service;

    private Engine(IdentityFolder identity, TestService service, StubModelServer? stub) =>
        (_identity, _service, Stub) = (identity, service, stub);

    public StubModelServer? Stub { get; }

    public HttpClient Client => _service.Client;

    public IServiceProvider Services => _service.Services;

    public WebApplication App => _service.App;

    /// <summary>A token for scope <c>llm</c>: a person's, or ChatApi's on behalf of <paramref name="act"/>.</summary>
    public string Token(
        string tenant = "dev", string sub = "ada", string? act = null, string scope = "llm", string kind = "token") =>
        act is null ? _identity.Token(tenant: tenant, sub: sub, scope: scope, kind: kind)
            : _identity.Token("chat-api", tenant: tenant, sub: "chat-api", kind: "service", scope: "llm", act: act);

    /// <summary>Primer as fast as it can, unless the settings say otherwise.</summary>
    public static Task<Engine> PrimerAsync(params (string Key, string Value)[] settings) =>
        StartAsync(null, [("Primer:TokensPerSecond", "0"), .. settings]);

    public static Task<Engine> BeforeStubAsync(params (string Key, string Value)[] settings) => BeforeStubAsync(null, settings);

    public static async Task<Engine> BeforeStubAsync(TimeProvider? time, params (string Key, string Value)[] settings)
    {
        var stub = await StubModelServer.StartAsync(cancel: TestContext.Current.CancellationToken);
        return await StartAsync(stub, [("Llm:Endpoint", stub.Endpoint), .. settings], time);
    }

    public static async Task<Engine> StartAsync(
        StubModelServer? stub, (string Key, string Value)[] settings, TimeProvider? time = null)
    {
        var identity = new IdentityFolder("gateway", "gpu-engine", "chat-api");
        var service = await TestService.StartAsync(
            identity,
            "gpu-engine",
            builder =>
            {
                builder.AddCompletions().AddChatModel().AddSpeech();
                builder.Services.AddSingleton(time ?? TimeProvider.System);
            },
            app => app.MapOpenAI().MapEngine(),
            new[] { ("Logging:LogLevel:Default", "None"), ("Drain:Answers", "00:00:00") }.Concat(settings).GroupBy(s => s.Item1).ToDictionary(s => s.Key, s => (string?)s.Last().Item2));
        service.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", identity.Token(scope: "llm"));
        return new Engine(identity, service, stub);
    }

    /// <summary>Sends a chat completion; the response's body is unread.</summary>
    public Task<HttpResponseMessage> AskAsync(object body, CancellationToken cancel = default) => SendAsync(
        new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body)), cancel);

    public Task<HttpResponseMessage> AskAsync(string message, bool stream = true, CancellationToken cancel = default) =>
        AskAsync(new { stream, messages = new[] { new { role = "user", content = message } } }, cancel);

    public async Task<HttpResponseMessage> SendAsync(HttpContent content, CancellationToken cancel = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = content };
        return await Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancel == default ? TestContext.Current.CancellationToken : cancel);
    }

    /// <summary>Asks for a detached answer; the response's body is unread.</summary>
    public async Task<HttpResponseMessage> DetachAsync(
        Guid id, string message, bool usage = false, string? token = null, CancellationToken cancel = default) =>
        await DetachAsync(
            id.ToString(),
            new { stream = true, stream_options = new { include_usage = usage }, messages = new[] { new { role = "user", content = message } } },
            token,
            cancel);

    public async Task<HttpResponseMessage> DetachAsync(
        string id, object body, string? token = null, CancellationToken cancel = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body)), Headers = { { "Generation-Id", id } },
        };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        return await Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancel == default ? TestContext.Current.CancellationToken : cancel);
    }

    public Task<HttpResponseMessage> DetachOrAskAsync(bool detached, object body) =>
        detached ? DetachAsync(Guid.NewGuid().ToString(), body) : AskAsync(body);

    /// <summary>Begins a detached answer and breaks the connection once its first token is there.</summary>
    public async Task DetachAndLeaveAsync(Guid id, string message)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var response = await DetachAsync(id, message, cancel: leave.Token);
        await using var body = await response.Content.ReadAsStreamAsync(leave.Token);
        (await body.ReadAsync(new byte[64], leave.Token)).ShouldBeGreaterThan(0);
        var reading = Task.Run(async () => await body.CopyToAsync(Stream.Null, leave.Token));
        await leave.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(reading);
    }

    public Task<HttpResponseMessage> AttachAsync(Guid id, string query = "", string? token = null) =>
        AskOfAsync(HttpMethod.Get, id + query, token);

    public Task<HttpResponseMessage> DeleteAsync(Guid id, string? token = null) =>
        AskOfAsync(HttpMethod.Delete, id.ToString(), token);

    /// <summary>Reads a generation to its end.</summary>
    public async Task<StreamedAnswer> ReadAsync(Guid id, int? after = null)
    {
        using var response = await AttachAsync(id, after is null ? "" : $"?after={after}");
        return await StreamedAnswer.ReadAsync(response);
    }

    private async Task<HttpResponseMessage> AskOfAsync(HttpMethod method, string path, string? token)
    {
        using var request = new HttpRequestMessage(method, $"/v1/generations/{path}");
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    /// <summary>Asks and reads the streamed answer to its end.</summary>
    public async Task<StreamedAnswer> StreamAsync(object body)
    {
        using var response = await AskAsync(body);
        return await StreamedAnswer.ReadAsync(response);
    }

    public Task<StreamedAnswer> StreamAsync(string message) =>
        StreamAsync(new { stream = true, messages = new[] { new { role = "user", content = message } } });

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        if (Stub is not null)
        {
            await Stub.DisposeAsync();
        }
        _identity.Dispose();
    }
}

/// <summary>A stream as an OpenAI client would understand it.</summary>
internal sealed record StreamedAnswer(string Raw, string Text, string? FinishReason, bool Done, JsonElement? Error, JsonElement? Usage)
{
    public string? ErrorCode => Error?.GetProperty("code").GetString();

    public static async Task<StreamedAnswer> ReadAsync(HttpResponseMessage response)
    {
        var raw = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        response.IsSuccessStatusCode.ShouldBeTrue(raw);
        var text = new StringBuilder();
        var answer = new StreamedAnswer(raw, "", null, false, null, null);
        foreach (var line in raw.Split('\n').Select(line => line.TrimEnd('\r')).Where(line => line.StartsWith("data: ", StringComparison.Ordinal)))
        {
            answer.Done.ShouldBeFalse("nothing may follow [DONE]");
            answer.Error.ShouldBeNull("nothing may follow an error");
            if (line is "data: [DONE]")
            {
                answer = answer with { Done = true };
                continue;
            }
            var chunk = JsonDocument.Parse(line["data: ".Length..]).RootElement;
            if (chunk.TryGetProperty("error", out var error))
            {
                answer = answer with { Error = error };
                continue;
            }
            chunk.GetProperty("object").GetString().ShouldBe("chat.completion.chunk");
            if (chunk.TryGetProperty("usage", out var usage) && usage.ValueKind is JsonValueKind.Object)
            {
                answer = answer with { Usage = usage };
            }
            foreach (var choice in chunk.GetProperty("choices").EnumerateArray())
            {
                text.Append(choice.GetProperty("delta").TryGetProperty("content", out var content) ? content.GetString() : "");
                answer = answer with { FinishReason = choice.GetProperty("finish_reason").GetString() ?? answer.FinishReason };
            }
        }
        return answer with { Text = text.ToString() };
    }
}

internal static class ApiErrors
{
    /// <summary>The response is an error in OpenAI's shape; returns it.</summary>
    public static async Task<JsonElement> ShouldBeApiError(this HttpResponseMessage response, int status, string code)
    {
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        ((int)response.StatusCode).ShouldBe(status, body);
        var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
        error.GetProperty("code").GetString().ShouldBe(code, body);
        error.GetProperty("message").GetString().ShouldNotBeNullOrWhiteSpace();
        error.GetProperty("type").GetString().ShouldNotBeNullOrWhiteSpace();
        error.TryGetProperty("param", out _).ShouldBeTrue();
        return error;
    }
}
