using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Upstream;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Speech;

/// <summary>Any server with OpenAI's <c>POST /audio/transcriptions</c>, or none.</summary>
internal sealed class Transcriber(UpstreamClient? client, AsrOptions options, TimeProvider time) : IDisposable
{
    private const string Path = "/audio/transcriptions";
    private const int MaxAnswer = 1024 * 1024;

    public bool IsAvailable => client is not null;

    /// <summary>For <c>/health</c>.</summary>
    public string Description => client is null ? "none: set Asr:Endpoint" : $"configured: {options.Model}";

    /// <summary>Answers a request of the API; its body is unread.</summary>
    /// <exception cref="ApiException">None is configured, or it failed.</exception>
    public Task<HttpResponseMessage> OpenAsync(MultipartFormDataContent form, bool hasModel, CancellationToken cancel)
    {
        if (!hasModel)
            form.Add(Field("model", options.Model));
        return (client ?? throw Missing()).PostAsync(Path, form, cancel);
    }

    /// <summary>The text of one utterance; empty where nothing was said.</summary>
    /// <param name="language">A tag of two letters that helps to understand; others are not sent.</param>
    public async Task<string> TranscribeAsync(byte[] wav, string? language, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            using var form = new MultipartFormDataContent { File(new ByteArrayContent(wav), "audio/wav", ".wav"), Field("response_format", "json") };
            if (language?.Split('-')[0] is [>= 'a' and <= 'z', >= 'a' and <= 'z'] tag)
                form.Add(Field("language", tag));
            using var response = await OpenAsync(form, hasModel: false, either.Token);
            await response.Content.LoadIntoBufferAsync(MaxAnswer, either.Token);
            using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(either.Token));
            return json.RootElement.GetProperty("text").GetString()?.Trim() ?? "";
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new ApiException(ApiError.Server(
                504, "asr_timeout", $"The server that recognizes speech needed more than {options.Timeout.TotalSeconds:0.###} s (Asr:Timeout)."), e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or HttpRequestException or IOException)
        {
            throw UpstreamErrors.Broken("sent a transcription that cannot be read", e);
        }
    }

    public static ApiException Missing() => new(ApiError.Server(
        501, ErrorCodes.AsrNotConfigured, "Nothing here recognizes speech: set Asr:Endpoint to an OpenAI-compatible server."));

    /// <summary>The recording, in the form. Servers tell its format by the name's end.</summary>
    public static HttpContent File(HttpContent content, string? type, string extension)
    {
        content.Headers.ContentType = MediaTypeHeaderValue.TryParse(type, out var known) ? known : new("application/octet-stream");
        content.Headers.ContentDisposition = new("form-data") { Name = "\"file\"", FileName = $"\"audio{extension}\"" };
        return content;
    }

    /// <summary>A field of the form. Its name is quoted: not every server reads it otherwise.</summary>
    public static HttpContent Field(string name, string value)
    {
        var content = new StringContent(value);
        content.Headers.ContentType = null;
        content.Headers.ContentDisposition = new("form-data") { Name = $"\"{name}\"" };
        return content;
    }

    public void Dispose() => client?.Dispose();
}
