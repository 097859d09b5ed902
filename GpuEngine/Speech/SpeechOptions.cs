using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Speech;

/// <summary>A server of an OpenAI-compatible audio API.</summary>
internal abstract class SpeechServerOptions
{
    /// <summary>Base address, as <c>http://127.0.0.1:8000/v1</c>.</summary>
    public string? Endpoint { get; set; }

    /// <summary>Sent as bearer token. The caller's own credentials never reach the upstream.</summary>
    public string? ApiKey { get; set; }

    /// <summary>The longest wait for one utterance or sentence of a live session. Reached: it fails, the session goes on.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Requests of the audio API at once. One more is rejected with 429 and Retry-After.</summary>
    [Range(1, 10_000)]
    public int MaxRunning { get; set; } = 64;

    /// <summary>Whether a server is configured at all.</summary>
    public bool IsConfigured => !string.IsNullOrWhiteSpace(Endpoint);

    protected ValidateOptionsResult Validate(string section) =>
        Errors(section).ToList() is { Count: > 0 } errors
            ? ValidateOptionsResult.Fail(errors)
            : ValidateOptionsResult.Success;

    private IEnumerable<string> Errors(string section)
    {
        if (IsConfigured && !(Uri.TryCreate(Endpoint, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            yield return $"{section}:Endpoint must be an http or https address, not '{Endpoint}'";
        if (Timeout <= TimeSpan.Zero || Timeout > TimeSpan.FromHours(1))
            yield return $"{section}:Timeout must be above 0 and at most an hour";
    }
}

/// <summary>The server that recognizes speech; configuration section <c>Asr</c>. Without an endpoint nothing does.</summary>
internal sealed class AsrOptions : SpeechServerOptions
{
    public const string Section = "Asr";

    /// <summary>The model of requests that name none.</summary>
    public string Model { get; set; } = "whisper-1";

    public sealed class Validator : IValidateOptions<AsrOptions>
    {
        public ValidateOptionsResult Validate(string? name, AsrOptions options) => options.Validate(Section);
    }
}

/// <summary>The server that speaks; configuration section <c>Tts</c>. Without an endpoint, espeak-ng does where it is installed.</summary>
internal sealed class TtsOptions : SpeechServerOptions
{
    public const string Section = "Tts";

    /// <summary>The model of requests that name none.</summary>
    public string Model { get; set; } = "tts-1";

    /// <summary>The voice of requests that name none.</summary>
    public string Voice { get; set; } = "alloy";

    /// <summary>Samples a second of the server's <c>pcm</c> format. One that sends WAV instead says its rate itself.</summary>
    [Range(8_000, 48_000)]
    public int SampleRate { get; set; } = 24_000;

    /// <summary>espeak-ng's program: a path, or a name on PATH. Empty: never used.</summary>
    public string Espeak { get; set; } = "espeak-ng";

    /// <summary>espeak-ng processes at once, one for each sentence; 0: one for each processor. Others wait.</summary>
    [Range(0, 256)]
    public int EspeakProcesses { get; set; }

    public sealed class Validator : IValidateOptions<TtsOptions>
    {
        public ValidateOptionsResult Validate(string? name, TtsOptions options) => options.Validate(Section);
    }
}
