using System.Buffers;
using System.Text.RegularExpressions;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Upstream;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Speech;

/// <summary>
/// <c>POST /v1/audio/transcriptions</c> and <c>POST /v1/audio/speech</c>, as OpenAI's API has them, relayed to the configured
/// servers; speech is espeak-ng's where none is configured. Nothing is stored (rule 1's exemption).
/// </summary>
internal static partial class AudioApi
{
    /// <summary>Bytes of a recording, as in OpenAI's API.</summary>
    public const int MaxRecording = 25 * 1024 * 1024;

    private const int MaxFields = 256 * 1024;
    private const int BufferSize = 16 * 1024;
    private const int Rate = 24_000; // of OpenAI's "pcm"

    public static void MapAudio(this IEndpointRouteBuilder v1)
    {
        var audio = v1.MapGroup("/audio").WithMetadata(new RequestSizeLimitAttribute(RequestBody.MaxDrained));
        audio.MapPost("/transcriptions", TranscribeAsync).Takes<TranscriptionForm>("multipart/form-data")
            .Produces<Transcription>()
            .Fails(typeof(OpenAIError), 400, ErrorCodes.InvalidRequest, "missing_required_parameter")
            .Fails(typeof(OpenAIError), 413, ErrorCodes.PayloadTooLarge)
            .Fails(typeof(OpenAIError), 415, ErrorCodes.UnsupportedMediaType)
            .Fails(typeof(OpenAIError), 501, ErrorCodes.AsrNotConfigured)
            .Fails(typeof(OpenAIError), 502, ErrorCodes.UpstreamFailed)
            .Fails(typeof(OpenAIError), 504, ErrorCodes.Timeout);
        audio.MapPost("/speech", SpeakAsync).Takes<SpeechOrder>("application/json")
            .Produces<Stream>(200, "audio/wav")
            .Fails(typeof(OpenAIError), 400, ErrorCodes.InvalidRequest, "unsupported_format")
            .Fails(typeof(OpenAIError), 404, ErrorCodes.ModelNotFound)
            .Fails(typeof(OpenAIError), 501, ErrorCodes.TtsNotConfigured)
            .Fails(typeof(OpenAIError), 502, ErrorCodes.UpstreamFailed)
            .Fails(typeof(OpenAIError), 504, ErrorCodes.Timeout);
    }

    /// <summary>What a recording says, as OpenAI's API answers it.</summary>
    private static async Task TranscribeAsync(
        HttpContext http, Transcriber transcriber, AudioSlots slots, IOptions<AnswersOptions> answers, TimeProvider time, ILogger<AudioSlots> log)
    {
        // The text comes after all of the audio: a first token takes as long as the whole.
        var whole = new AnswersOptions
        {
            MaxDuration = answers.Value.MaxDuration, FirstToken = answers.Value.MaxDuration, BetweenTokens = answers.Value.BetweenTokens,
        };
        using var bounds = new AnswerBounds(whole, time, http.RequestAborted);
        await AnswerAsync(http, bounds, log, async () =>
        {
            if (!transcriber.IsAvailable)
                throw Transcriber.Missing();
            using var slot = slots.TakeForHearing(Sharer.Of(Caller.From(http.User)));
            var form = await ReadFormAsync(http.Request, bounds.Token);
            using var upstream = Upstream(form, out var hasModel);
            using var response = await bounds.WaitAsync(new ValueTask<HttpResponseMessage>(transcriber.OpenAsync(upstream, hasModel, bounds.Token)));
            await RelayAsync(response, http.Response, bounds);
        });
    }

    /// <summary>Speaks a text, as OpenAI's API does.</summary>
    private static async Task SpeakAsync(
        HttpContext http, ISynthesizer synthesizer, AudioSlots slots, IOptions<AnswersOptions> answers, TimeProvider time, ILogger<AudioSlots> log)
    {
        using var bounds = new AnswerBounds(answers.Value, time, http.RequestAborted);
        await AnswerAsync(http, bounds, log, async () =>
        {
            if (!synthesizer.IsAvailable)
                throw NoSynthesizer.Missing();
            var who = Sharer.Of(Caller.From(http.User));
            using var slot = slots.TakeForSpeaking(who);
            var request = await SpokenRequest.ReadAsync(http.Request, bounds.Token);
            if (synthesizer is IRelayingSynthesizer relaying)
            {
                using var response = await bounds.WaitAsync(new ValueTask<HttpResponseMessage>(relaying.OpenAsync(request.Body, bounds.Token)));
                await RelayAsync(response, http.Response, bounds);
                return;
            }
            await SynthesizeAsync(http.Response, synthesizer, request, who, bounds);
        });
    }

    /// <summary>Sentence by sentence. <c>pcm</c> is sent as it is made; a WAV file begins with its length, so it is made first.</summary>
    private static async Task SynthesizeAsync(
        HttpResponse response, ISynthesizer synthesizer, SpokenRequest request, Sharer who, AnswerBounds bounds)
    {
        if (request.Model is { } model && model != synthesizer.Description)
        {
            throw new ApiException(ApiError.Invalid(
                ErrorCodes.ModelNotFound, $"The model '{model}' does not exist here: {synthesizer.Description} speaks. Set Tts:Endpoint for others.",
                "model", 404));
        }
        if (request.Format is not (null or "wav" or "pcm"))
        {
            throw new ApiException(ApiError.Invalid(
                "unsupported_format", $"{synthesizer.Description} makes wav and pcm, not {request.Format}. Set Tts:Endpoint for others.",
                "response_format"));
        }
        var whole = request.Format is "pcm" ? null : new MemoryStream();
        response.ContentType = whole is null ? "audio/pcm" : "audio/wav";
        foreach (var sentence in SentenceDivider.Divide(request.Input))
        {
            var speech = synthesizer.SpeakAsync(new SpeechRequest(sentence.Text, Rate, who, request.Voice), bounds.Token)
                .GetAsyncEnumerator(bounds.Token);
            await using (speech)
            {
                while (await bounds.WaitAsync(speech.MoveNextAsync()))
                {
                    bounds.TokenArrived();
                    await (whole is null ? response.Body : whole).WriteAsync(speech.Current, bounds.Token);
                }
            }
        }
        if (whole is not null)
        {
            var wav = Wav.File(whole.GetBuffer().AsSpan(0, (int)whole.Length), Rate);
            response.ContentLength = wav.Length;
            await response.Body.WriteAsync(wav, bounds.Token);
        }
    }

    private static async Task<IFormCollection> ReadFormAsync(HttpRequest request, CancellationToken cancel)
    {
        if (!Forms.IsMultipart(request))
        {
            throw new ApiException(ApiError.Invalid(
                ErrorCodes.UnsupportedMediaType, "A transcription is asked for with multipart/form-data.", status: 415));
        }
        if (request.ContentLength > MaxRecording + MaxFields)
            throw RequestBody.TooLarge(MaxRecording);
        try
        {
            return await Forms.ReadAsync(
                request,
                new FormOptions
                {
                    MultipartBodyLengthLimit = MaxRecording, ValueCountLimit = 64, ValueLengthLimit = MaxFields,
                }, cancel);
        }
        catch (ProblemException e)
        {
            throw e.Status == StatusCodes.Status413PayloadTooLarge
                ? RequestBody.TooLarge(MaxRecording)
                : new ApiException(ApiError.Invalid(e.Code, e.Message, status: e.Status), e);
        }
    }

    /// <summary>The caller's form, rebuilt from the fields that are understood.</summary>
    private static MultipartFormDataContent Upstream(IFormCollection form, out bool hasModel)
    {
        if (form.Files.GetFile("file") is not { Length: > 0 } file)
            throw new ApiException(ApiError.Invalid("missing_required_parameter", "'file' is required: the recording.", "file"));
        var extension = Path.GetExtension(file.FileName);
        var upstream = new MultipartFormDataContent
        {
            Transcriber.File(new StreamContent(file.OpenReadStream()), file.ContentType, Extension().IsMatch(extension) ? extension : ".wav"),
        };
        foreach (var (name, values) in form.Where(field => FieldName().IsMatch(field.Key)))
        {
            foreach (var value in values)
                upstream.Add(Transcriber.Field(name, value ?? ""));
        }
        hasModel = !string.IsNullOrWhiteSpace(form["model"]);
        return upstream;
    }

    /// <summary>Relays the server's answer as it comes.</summary>
    private static async Task RelayAsync(HttpResponseMessage upstream, HttpResponse response, AnswerBounds bounds)
    {
        response.ContentType = upstream.Content.Headers.ContentType?.ToString() ?? "application/octet-stream";
        response.ContentLength = upstream.Content.Headers.ContentLength;
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        await using var body = await upstream.Content.ReadAsStreamAsync(bounds.Token);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (await bounds.WaitAsync(ReadAsync(body, buffer, bounds.Token)) is > 0 and var read)
            {
                bounds.TokenArrived();
                await response.Body.WriteAsync(buffer.AsMemory(0, read), bounds.Token);
                await response.Body.FlushAsync(bounds.Token);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async ValueTask<int> ReadAsync(Stream body, Memory<byte> buffer, CancellationToken cancel)
    {
        try
        {
            return await body.ReadAsync(buffer, cancel);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw UpstreamErrors.Broken("broke the connection amid its answer", e);
        }
    }

    private static async Task AnswerAsync(HttpContext http, AnswerBounds bounds, ILogger log, Func<Task> answer)
    {
        try
        {
            await answer();
        }
        catch (Exception) when (bounds.ClientGone)
        {
            // No response can be sent; what the answer occupied is freed.
        }
        catch (Exception e)
        {
            var error = bounds.Explain(e);
            if (error.Status >= 500)
                LogFailed(log, ApiException.CauseOf(e), http.Request.Path, error.Code, error.Message);
            if (http.Response.HasStarted)
            {
                http.Abort(); // half a recording must not look like a whole one
                return;
            }
            http.Response.Clear();
            await error.AnswerAsync(http.Response, http.RequestAborted);
        }
    }

    [GeneratedRegex(@"^\.[A-Za-z0-9]{1,8}$", RegexOptions.NonBacktracking)]
    private static partial Regex Extension();

    [GeneratedRegex(@"^[\w.-]{1,64}(\[\])?$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex FieldName();

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} failed with {Code}: {Reason}")]
    private static partial void LogFailed(ILogger log, Exception? cause, string path, string code, string reason);
}
