using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// The language model server to ask; configuration section <c>Llm</c> (environment <c>Llm__Endpoint</c> …). Without an
/// endpoint, Primer answers.
/// </summary>
public sealed class LlmOptions
{
    public const string Section = "Llm";

    /// <summary>Base address of an OpenAI-compatible API, as <c>http://127.0.0.1:11434/v1</c>.</summary>
    public string? Endpoint { get; set; }

    /// <summary>The default model. Empty: the first one that the server lists.</summary>
    public string? Model { get; set; }

    /// <summary>Sent as bearer token. The caller's own credentials never reach the upstream.</summary>
    public string? ApiKey { get; set; }

    /// <summary><c>openai</c>, or <c>semantic-kernel</c> in builds with the full package feed.</summary>
    public string Connector { get; set; } = "openai";

    /// <summary>How long the server's list of models is believed.</summary>
    public TimeSpan ModelsCache { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether a language model is configured at all.</summary>
    public bool IsConfigured => !string.IsNullOrWhiteSpace(Endpoint);

    /// <summary>Reports every fault at once, at the start.</summary>
    internal sealed class Validator : IValidateOptions<LlmOptions>
    {
        public ValidateOptionsResult Validate(string? name, LlmOptions options)
        {
            var faults = new List<string>();
            if (options.IsConfigured &&
                !(Uri.TryCreate(options.Endpoint, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            {
                faults.Add($"Llm:Endpoint must be an http or https address, not '{options.Endpoint}'");
            }
            if (options.Connector is not ("openai" or "semantic-kernel"))
            {
                faults.Add("Llm:Connector must be openai or semantic-kernel");
            }
            if (options.ModelsCache < TimeSpan.Zero)
            {
                faults.Add("Llm:ModelsCache must not be negative");
            }
            return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
        }
    }
}
