using System.Buffers.Binary;
using System.Text.Json;

namespace Lyceum.Tests.StubModel;

/// <summary>
/// OpenAI's audio API, spoken in <see cref="StubVoice"/>: <c>POST /v1/audio/speech</c> streams PCM that says the text, and
/// <c>POST /v1/audio/transcriptions</c> tells the text of a WAV. Its settings may be changed at any time.
/// </summary>
public sealed class StubSpeech
{
    public const int Rate = 24_000;

    private readonly Lock _lock = new();
    private readonly List<StubSpoken> _spoken = [];
    private int _running;

    /// <summary>Before the first byte of speech.</summary>
    public TimeSpan FirstDelay { get; set; }

    /// <summary>Between its pieces.</summary>
    public TimeSpan PieceDelay { get; set; }

    /// <summary>Bytes of a piece: odd, so that samples are cut in half on the way.</summary>
    public int PieceBytes { get; set; } = 4_801;

    /// <summary>Texts that hold this fail: with 500, or once so many bytes were sent.</summary>
    public string? FailOn { get; set; }

    public int? FailAfterBytes { get; set; }

    /// <summary>Before a transcription is answered.</summary>
    public TimeSpan HearingDelay { get; set; }

    /// <summary>Other than 200: what a transcription is answered with.</summary>
    public int HearingStatus { get; set; } = 200;

    /// <summary>What was asked to be spoken, in order.</summary>
    public IReadOnlyList<StubSpoken> Spoken
    {
        get
        {
            lock (_lock)
            {
                return [.. _spoken];
            }
        }
    }

    /// <summary>Requests being answered now.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>The last form that was sent to be transcribed, without the recording.</summary>
    public IReadOnlyDictionary<string, string> LastForm { get; private set; } = new Dictionary<string, string>();

    internal Task SpeakAsync(HttpContext http) => CountAsync(async () =>
    {
        using var body = await JsonDocument.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted);
        var request = new StubSpoken(
            Text(body.RootElement, "input") ?? "", Text(body.RootElement, "model"), Text(body.RootElement, "voice"),
            Text(body.RootElement, "response_format"), http.Request.Headers.Authorization);
        lock (_lock)
        {
            _spoken.Add(request);
        }
        var fails = FailOn is { } word && request.Input.Contains(word, StringComparison.Ordinal);
        if (fails && FailAfterBytes is null)
        {
            await RefuseAsync(http, 500);
            return;
        }
        await Task.Delay(FirstDelay, http.RequestAborted);
        var pcm = StubVoice.Say(request.Input, Rate);
        http.Response.ContentType = request.Format is "pcm" ? "audio/pcm" : "audio/mpeg";
        for (var at = 0; at < pcm.Length; at += PieceBytes)
        {
            if (fails && at >= FailAfterBytes)
            {
                http.Abort();
                return;
            }
            await http.Response.Body.WriteAsync(pcm.AsMemory(at, Math.Min(PieceBytes, pcm.Length - at)), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(PieceDelay, http.RequestAborted);
        }
    });

    internal Task TranscribeAsync(HttpContext http) => CountAsync(async () =>
    {
        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        LastForm = form.ToDictionary(field => field.Key, field => field.Value.ToString());
        using var wav = new MemoryStream();
        await form.Files.GetFile("file")!.CopyToAsync(wav, http.RequestAborted);
        await Task.Delay(HearingDelay, http.RequestAborted);
        if (HearingStatus != 200)
        {
            await RefuseAsync(http, HearingStatus);
            return;
        }
        var bytes = wav.ToArray();
        var text = StubVoice.Hear(bytes.AsSpan(44), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(24)));
        await (LastForm.GetValueOrDefault("response_format") switch
        {
            "text" => http.Response.WriteAsync(text),
            "verbose_json" => http.Response.WriteAsJsonAsync(new { task = "transcribe", text, segments = Array.Empty<object>() }),
            _ => http.Response.WriteAsJsonAsync(new { text }),
        });
    });

    private async Task CountAsync(Func<Task> answer)
    {
        Interlocked.Increment(ref _running);
        try
        {
            await answer();
        }
        catch (OperationCanceledException)
        {
            // The client left.
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private static Task RefuseAsync(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        return http.Response.WriteAsJsonAsync(new { error = new { message = $"scripted {status}", type = "stub_error", code = "scripted" } });
    }

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;
}

/// <summary>A request to speak.</summary>
public sealed record StubSpoken(string Input, string? Model, string? Voice, string? Format, string? Authorization);
