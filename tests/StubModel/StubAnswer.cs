using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.StubModel;

/// <summary>Plays one script on one response: whole, or as server-sent events in OpenAI's chunk shape.</summary>
/// <param name="azure">With what Azure adds to it.</param>
internal sealed class StubAnswer(
    HttpContext http, StubRequest request, StubScript script, StubForm form, bool includeUsage, bool azure, TokenClock clock)
{
    // A wait longer than this is cancelled at once when the client goes; a shorter one just runs out.
    private static readonly TimeSpan ShortWait = TimeSpan.FromMilliseconds(250);
    private static readonly byte[] Tail = "\"},\"finish_reason\":null}]}"u8.ToArray();

    private readonly byte[] _newline = script.Crlf ? "\r\n\r\n"u8.ToArray() : "\n\n"u8.ToArray();
    private readonly byte[] _head = Encoding.UTF8.GetBytes(
        $"data: {{\"id\":\"{request.Id}\",\"object\":\"chat.completion.chunk\",\"created\":{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}," +
        $"\"model\":\"{request.Model}\",\"choices\":[{{\"index\":0,{(azure ? StubAzure.ChoiceFilter : "")}\"delta\":{{\"content\":\"");
    private readonly TokenClock.Waiter _waiter = new();
    private readonly CancellationToken _gone = http.RequestAborted;

    // When token 0 is due: at the request's arrival, so that what the stub itself loses shows as lateness of few tokens.
    private long _start = Stopwatch.GetTimestamp();

    public async Task<StubEnd> PlayAsync()
    {
        _start += (script.HeaderDelayMs + script.FirstDelayMs) * Stopwatch.Frequency / 1000;
        if (script.HeaderDelayMs > 0)
        {
            await Task.Delay(script.HeaderDelayMs, _gone);
        }
        if (script.PromptFiltered)
        {
            http.Response.StatusCode = 400;
            http.Response.ContentType = "application/json";
            await http.Response.WriteAsync(StubAzure.PromptFiltered, _gone);
            return StubEnd.Scripted;
        }
        if (script.Status != 200)
        {
            if (script.RetryAfter >= 0)
            {
                http.Response.Headers.RetryAfter = script.RetryAfter.ToString();
            }
            http.Response.StatusCode = script.Status;
            await http.Response.WriteAsJsonAsync(
                new { error = new { message = $"scripted {script.Status}", type = "stub_error", code = "scripted" } }, _gone);
            return StubEnd.Scripted;
        }
        if (form.Rejection is not null)
        {
            http.Response.StatusCode = 400;
            await http.Response.WriteAsJsonAsync(new { error = new { message = form.Rejection, type = "invalid_request_error" } }, _gone);
            return StubEnd.Scripted;
        }
        if (script.Raw.Length > 0)
        {
            return await RawAsync();
        }
        return request.Stream ? await StreamAsync() : await WholeAsync();
    }

    private async Task<StubEnd> RawAsync()
    {
        http.Response.ContentType = script.Type;
        await http.Response.Body.WriteAsync(Convert.FromBase64String(script.Raw), _gone);
        await http.Response.Body.FlushAsync(_gone);
        if (script.Breaks)
        {
            await Task.Delay(50, _gone); // an abort discards what was not sent yet
            http.Abort();
        }
        return StubEnd.Scripted;
    }

    private async Task<StubEnd> StreamAsync()
    {
        var body = http.Response.BodyWriter;
        http.Response.ContentType = "text/event-stream";
        if (azure)
        {
            Event(StubAzure.FirstChunk);
        }
        Event($"{{\"id\":\"{request.Id}\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"{request.Model}\"," +
            "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}");
        await body.FlushAsync(_gone);
        await FirstDelayAsync();

        if (form.Calls is not null || form.Json is not null)
        {
            var delta = form.Calls is { } calls
                ? new JsonObject { ["tool_calls"] = calls.DeepClone() } : new JsonObject { ["content"] = form.Json };
            Event($"{{\"id\":\"{request.Id}\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"{request.Model}\"," +
                $"\"choices\":[{{\"index\":0,\"delta\":{delta.ToJsonString()},\"finish_reason\":null}}]}}");
        }
        for (var i = form.Calls is not null || form.Json is not null ? script.Tokens : 0; i <= script.Tokens; i++)
        {
            if (script.StallAfter == i)
            {
                await body.FlushAsync(_gone);
                await Task.Delay(Timeout.Infinite, _gone);
            }
            if (script.DropAfter == i)
            {
                // What was flushed reaches the client before the reset: an abort discards only unsent bytes.
                await body.FlushAsync(_gone);
                await Task.Delay(20, _gone);
                http.Abort();
                return StubEnd.Scripted;
            }
            if (script.FailAfter == i || script.CutAfter == i || script.GarbageAfter == i)
            {
                if (script.FailAfter == i)
                {
                    Event("{\"error\":{\"message\":\"scripted failure\",\"type\":\"stub_error\",\"code\":\"scripted\"}}");
                }
                else if (script.GarbageAfter == i)
                {
                    Event("{\"choices\": not json");
                }
                return StubEnd.Scripted;
            }
            if (i == script.Tokens)
            {
                break;
            }
            if (script.Rate > 0)
            {
                await UntilAsync(_start + (long)(i / script.Rate * Stopwatch.Frequency));
                Token(i);
                await body.FlushAsync(_gone);
            }
            else
            {
                Token(i);
                if (i % 64 == 63)
                {
                    await body.FlushAsync(_gone);
                }
            }
            request.TokensSent = i + 1;
        }
        Event($"{{\"id\":\"{request.Id}\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"{request.Model}\"," +
            $"\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{Finish}\"}}]}}");
        if (includeUsage)
        {
            Event($"{{\"id\":\"{request.Id}\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"{request.Model}\"," +
                $"\"choices\":[],\"usage\":{{\"prompt_tokens\":{request.MessageCount},\"completion_tokens\":{script.Tokens}," +
                $"\"total_tokens\":{request.MessageCount + script.Tokens}}}}}");
        }
        Event("[DONE]");
        await body.FlushAsync(_gone);
        return StubEnd.Complete;
    }

    private async Task<StubEnd> WholeAsync()
    {
        await FirstDelayAsync();
        if (script.StallAfter >= 0)
        {
            await Task.Delay(Timeout.Infinite, _gone);
        }
        if (script.DropAfter >= 0)
        {
            http.Abort();
            return StubEnd.Scripted;
        }
        if (script.GarbageAfter >= 0)
        {
            await http.Response.WriteAsync("<html>not json</html>", _gone);
            return StubEnd.Scripted;
        }
        request.TokensSent = script.Tokens;
        await http.Response.WriteAsJsonAsync(
            new
            {
                id = request.Id,
                @object = "chat.completion",
                created = DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
                model = request.Model,
                choices = new[]
                {
                    new
                    {
                        index = 0,
                        message = Message(),
                        finish_reason = Finish,
                    },
                },
                usage = new
                {
                    prompt_tokens = request.MessageCount,
                    completion_tokens = script.Tokens,
                    total_tokens = request.MessageCount + script.Tokens,
                },
            },
            _gone);
        return StubEnd.Complete;
    }

    private string Finish => form.Calls is null ? script.Finish : "tool_calls";

    private object Message() => form.Calls is { } calls
        ? new { role = "assistant", content = (string?)null, tool_calls = calls }
        : new { role = "assistant", content = form.Json ?? StubText.Text(script.Seed, script.Tokens, script.Unicode, script.Sentence) };

    private async Task FirstDelayAsync()
    {
        var left = script.FirstDelayMs;
        while (left > 0)
        {
            var step = script.CommentEveryMs > 0 ? Math.Min(left, script.CommentEveryMs) : left;
            await Task.Delay(step, _gone);
            left -= step;
            if (script.CommentEveryMs > 0 && request.Stream)
            {
                http.Response.BodyWriter.Write(": working"u8);
                http.Response.BodyWriter.Write(_newline);
                await http.Response.BodyWriter.FlushAsync(_gone);
            }
        }
    }

    private async ValueTask UntilAsync(long due)
    {
        var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
        if (wait > ShortWait)
        {
            await Task.Delay(wait - TimeSpan.FromMilliseconds(10), _gone);
        }
        await clock.UntilAsync(due, _waiter);
        _gone.ThrowIfCancellationRequested();
    }

    private void Token(int index)
    {
        Span<byte> text = stackalloc byte[StubText.MaxTokenBytes];
        text = text[..StubText.Write(script.Seed, index, script.Unicode, text, script.Sentence)];
        var body = http.Response.BodyWriter;
        body.Write(_head);
        var encoder = script.Escape ? JavaScriptEncoder.Default : JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        if (encoder.FindFirstCharacterToEncodeUtf8(text) < 0)
        {
            body.Write(text);
        }
        else
        {
            Span<byte> escaped = stackalloc byte[StubText.MaxTokenBytes * 6];
            encoder.EncodeUtf8(text, escaped, out _, out var written);
            body.Write(escaped[..written]);
        }
        body.Write(Tail);
        body.Write(_newline);
    }

    private void Event(string data)
    {
        var body = http.Response.BodyWriter;
        body.Write("data: "u8);
        body.Write(Encoding.UTF8.GetBytes(data));
        body.Write(_newline);
    }
}
