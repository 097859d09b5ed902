using System.Net.ServerSentEvents;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.Tests.GpuEngine.Sessions;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine.Upstream;

/// <summary>
/// What a relayed completion, a detached generation (chat's), a whole answer (a job's) and a live turn make of each
/// stream of the table, over real HTTP.
/// </summary>
public sealed class DialectTests(DialectTests.Servers servers) : IClassFixture<DialectTests.Servers>
{
    public static TheoryData<string> Names { get; } = [.. DialectTable.All.Keys];

    public static TheoryData<string> Unbroken { get; } =
        [.. DialectTable.All.Values.Where(dialect => !dialect.Breaks).Select(dialect => dialect.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Relayed_IsWhatAnOpenAIClientUnderstands(string name)
    {
        var (dialect, engine) = await servers.SendAsync(name);

        using var response = await engine.AskAsync("hi");

        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        if (dialect.IsComplete)
        {
            response.StatusCode.ShouldBe(System.Net.HttpStatusCode.OK, Encoding.UTF8.GetString(body));
            var client = await PlainClient.ReadAsync(body);
            (client.Text, client.FinishReason, client.IsDone).ShouldBe((dialect.Text, dialect.End, true), name);
            if (client.Thinking.Length > 0)
                client.Thinking.ShouldBe(dialect.Thinking, name);
            (dialect.Thinking.Length == 0).ShouldBe(!client.HasThought, name);
            return;
        }
        var text = Encoding.UTF8.GetString(body);
        text.ShouldContain(dialect.Cause is null ? "upstream_broken" : "upstream_error", customMessage: name);
        text.ShouldContain(JsonEncodedText.Encode(dialect.Cause ?? "", Relaxed).ToString(), customMessage: name);
        text.ShouldNotContain("[DONE]", customMessage: name);
    }

    private static System.Text.Encodings.Web.JavaScriptEncoder Relaxed =>
        System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Detached_HasTextThinkingAndEndApart(string name)
    {
        var (dialect, engine) = await servers.SendAsync(name);

        using var response = await engine.DetachAsync(Guid.NewGuid(), "hi", usage: true);

        var (text, thinking) = (new StringBuilder(), new StringBuilder());
        var (end, usage, error) = ((string?)null, (TokenUsage?)null, (EngineError?)null);
        await foreach (var chunk in CompletionsClient.ReadAsync(response, TestContext.Current.CancellationToken))
        {
            text.Append(chunk.Text);
            thinking.Append(chunk.Thinking);
            (end, usage, error) = (chunk.FinishReason ?? end, chunk.Usage ?? usage, chunk.Error ?? error);
        }
        (text.ToString(), thinking.ToString()).ShouldBe((dialect.Text, dialect.Thinking), name);
        Check(dialect, end, error?.Code, error?.Message);
        if (dialect.IsComplete)
            (usage is var (prompt, completion, total) ? $"{prompt}/{completion}/{total}" : "").ShouldBe(dialect.Usage, name);
    }

    [Theory]
    [MemberData(nameof(Unbroken))]
    public async Task Whole_IsOneCompletionOrAnError(string name)
    {
        var (dialect, engine) = await servers.SendAsync(name);

        using var response = await engine.AskAsync("hi", stream: false);

        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var answer = CompletionReader.ReadWhole(body);
        if (dialect.IsComplete)
        {
            response.StatusCode.ShouldBe(System.Net.HttpStatusCode.OK, Encoding.UTF8.GetString(body));
            (answer.Text ?? "", answer.Thinking ?? "", answer.FinishReason)
                .ShouldBe((dialect.Text, dialect.Thinking, dialect.End), name);
            return;
        }
        ((int)response.StatusCode).ShouldBe(502, Encoding.UTF8.GetString(body));
        Check(dialect, null, answer.Error!.Code, answer.Error.Message);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task LiveTurn_IsTextOrAnError(string name)
    {
        var (dialect, engine) = await servers.SendAsync(name);
        var model = engine.Services.GetRequiredService<IChatModel>();
        var request = new ChatRequest { Messages = [], Body = """{"messages":[{"role":"user","content":"hi"}]}"""u8.ToArray() };
        var (text, thinking, last) = (new StringBuilder(), new StringBuilder(), default(ChatDelta));
        ApiError? error = null;
        try
        {
            await foreach (var delta in model.AnswerAsync(request, "raw", TestContext.Current.CancellationToken))
            {
                text.Append(delta.Text);
                thinking.Append(delta.Thinking);
                last = delta;
            }
        }
        catch (ApiException e)
        {
            error = e.Error;
        }
        (text.ToString(), thinking.ToString()).ShouldBe((dialect.Text, dialect.Thinking), name);
        Check(dialect, last.FinishReason, error?.Code, error?.Message);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("br")]
    public async Task Compressed_ThoughNotAskedTo_IsRead(string coding)
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await upstream.EngineAsync();
        foreach (var name in (string[])["OpenAI", "whole answer instead of a stream", "error with status 200"])
        {
            var dialect = DialectTable.All[name];
            upstream.SendAll(
                Compress(dialect.Bytes, coding), breaks: false,
                ("Content-Type", dialect.ContentType), ("Content-Encoding", coding));

            using var response = await engine.DetachAsync(Guid.NewGuid(), "hi");

            var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            body.ShouldContain(dialect.IsComplete ? "\"finish_reason\":\"stop\"" : "boom", customMessage: name);
        }
    }

    private static byte[] Compress(byte[] bytes, string coding)
    {
        var compressed = new MemoryStream();
        using (Stream stream = coding switch
        {
            "gzip" => new System.IO.Compression.GZipStream(compressed, System.IO.Compression.CompressionMode.Compress),
            "br" => new System.IO.Compression.BrotliStream(compressed, System.IO.Compression.CompressionMode.Compress),
            _ => new System.IO.Compression.ZLibStream(compressed, System.IO.Compression.CompressionMode.Compress),
        })
        {
            stream.Write(bytes);
        }
        return compressed.ToArray();
    }

    private static void Check(Dialect dialect, string? end, string? code, string? message)
    {
        if (dialect.IsComplete)
        {
            (end, code).ShouldBe((dialect.End, null), $"{dialect.Name}: {message}");
            return;
        }
        code.ShouldBe(dialect.Cause is null ? "upstream_broken" : "upstream_error", $"{dialect.Name}: {message}");
        message.ShouldNotBeNull().ShouldEndWith(dialect.Cause ?? "", customMessage: dialect.Name);
    }

    /// <summary>One model server that sends what it is told, and the engines before it.</summary>
    public sealed class Servers : IAsyncLifetime
    {
        private RawUpstream _upstream = null!;
        private Engine _engine = null!, _beginsThinking = null!;

        public async ValueTask InitializeAsync()
        {
            _upstream = await RawUpstream.StartAsync();
            _engine = await _upstream.EngineAsync();
            _beginsThinking = await _upstream.EngineAsync(("Llm:BeginsThinking", "true"));
        }

        internal Task<(Dialect Dialect, Engine Engine)> SendAsync(string name)
        {
            var dialect = DialectTable.All[name];
            _upstream.SendAll(dialect.Bytes, dialect.Breaks, ("Content-Type", dialect.ContentType));
            return Task.FromResult((dialect, dialect.BeginsThinking ? _beginsThinking : _engine));
        }

        public async ValueTask DisposeAsync()
        {
            await _engine.DisposeAsync();
            await _beginsThinking.DisposeAsync();
            await _upstream.DisposeAsync();
        }
    }

    /// <summary>
    /// What a client that knows OpenAI's format, and nothing else, understands: content is a string or it is an error.
    /// </summary>
    private sealed record PlainClient(string Text, string Thinking, string? FinishReason, bool IsDone, bool HasThought)
    {
        public static async Task<PlainClient> ReadAsync(byte[] body)
        {
            var (text, thinking) = (new MemoryStream(), new MemoryStream());
            var read = new PlainClient("", "", null, false, false);
            int? answer = null; // the index of the first choice
            var parser = SseParser.Create(new MemoryStream(body), (_, data) => data.ToArray());
            await foreach (var item in parser.EnumerateAsync(TestContext.Current.CancellationToken))
            {
                if (read.IsDone || item.Data.Length == 0)
                    continue;
                if (item.Data.AsSpan().Trim(" "u8).SequenceEqual("[DONE]"u8))
                {
                    read = read with { IsDone = true };
                    continue;
                }
                var chunk = JsonElement.Parse(item.Data);
                if (!chunk.TryGetProperty("choices", out var choices) || choices.ValueKind is not JsonValueKind.Array)
                    continue;
                foreach (var (place, choice) in choices.EnumerateArray().Index())
                {
                    if (Index(choice, place) != (answer ??= Index(choice, place)))
                        continue;
                    if (choice.TryGetProperty("finish_reason", out var reason) && reason.ValueKind is JsonValueKind.String
                        && JsonText.Read(reason) is { Length: > 0 } finish)
                        read = read with { FinishReason = finish };
                    if (!choice.TryGetProperty("delta", out var delta) || delta.ValueKind is not JsonValueKind.Object)
                        continue;
                    if (delta.TryGetProperty("content", out var content))
                        content.ValueKind.ShouldBeOneOf(
                            JsonValueKind.String, JsonValueKind.Null, JsonValueKind.Object, JsonValueKind.Number);
                    Append(text, delta, "content");
                    Append(text, delta, "refusal");
                    Append(thinking, delta, "reasoning_content");
                    read = read with
                    {
                        HasThought = read.HasThought || thinking.Length > 0 || HasText(delta, "reasoning") ||
                            HasText(delta, "thinking") || (delta.TryGetProperty("reasoning_details", out var details)
                            && details.GetRawText().Contains("summary", StringComparison.Ordinal)),
                    };
                }
            }
            return read with { Text = JsonText.Read(text.ToArray()), Thinking = JsonText.Read(thinking.ToArray()) };
        }

        private static int Index(JsonElement choice, int place) =>
            choice.TryGetProperty("index", out var index) && index.ValueKind is JsonValueKind.Number ? index.GetInt32() : place;

        private static bool HasText(JsonElement delta, string name) =>
            delta.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String && value.GetString() is not "";

        private static void Append(MemoryStream to, JsonElement delta, string name)
        {
            // As it stands between its quotes: a character may be cut in two between two events.
            if (delta.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String)
                to.Write(JsonMarshal.GetRawUtf8Value(value)[1..^1]);
        }
    }
}
