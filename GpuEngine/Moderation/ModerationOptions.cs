using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Moderation;

/// <summary>
/// The server of an OpenAI-compatible <c>/moderations</c>; configuration section <c>Moderation</c>. Without an endpoint there is none,
/// and the language model alone can judge, as <c>guard</c>.
/// </summary>
internal sealed class ModerationOptions
{
    public const string Section = "Moderation";

    /// <summary>Base address, as <c>https://api.openai.com/v1</c>.</summary>
    public string? Endpoint { get; set; }

    /// <summary>Sent as bearer token. The caller's own credentials never reach the upstream.</summary>
    public string? ApiKey { get; set; }

    /// <summary>The model of requests that name none; empty: the server's default.</summary>
    public string? Model { get; set; }

    /// <summary>The language model that is asked as <c>guard</c>; empty: the default one.</summary>
    public string? GuardModel { get; set; }

    /// <summary>The longest wait for a judgement. Reached: it counts as not available.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(6);

    /// <summary>Judgements at once. One more is rejected with 429 and Retry-After.</summary>
    [Range(1, 10_000)]
    public int MaxRunning { get; set; } = 128;

    public bool IsConfigured => !string.IsNullOrWhiteSpace(Endpoint);

    /// <summary>Reports all errors together, at the start.</summary>
    public sealed class Validator : IValidateOptions<ModerationOptions>
    {
        public ValidateOptionsResult Validate(string? name, ModerationOptions options)
        {
            var errors = new List<string>();
            if (options.IsConfigured
                && !(Uri.TryCreate(options.Endpoint, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
                errors.Add($"Moderation:Endpoint must be an http or https address, not '{options.Endpoint}'");
            if (options.Timeout <= TimeSpan.Zero || options.Timeout > TimeSpan.FromMinutes(5))
                errors.Add("Moderation:Timeout must be above 0 and at most five minutes");
            return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
        }
    }
}
