using Lyceum.EngineClient;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// The language model server to ask; configuration section <c>Llm</c> (environment <c>Llm__Endpoint</c> …). Without an
/// endpoint, Primer answers.
/// </summary>
internal sealed class LlmOptions
{
    public const string Section = "Llm";

    /// <summary><see cref="Connector"/> of any OpenAI-compatible server.</summary>
    public const string OpenAI = "openai";

    /// <summary><see cref="Connector"/> of a deployment on Azure OpenAI.</summary>
    public const string Azure = "azure-openai";

    /// <summary>
    /// Base address: of an OpenAI-compatible API, as <c>http://127.0.0.1:11434/v1</c>, or of an Azure OpenAI resource, as
    /// <c>https://NAME.openai.azure.com</c>.
    /// </summary>
    public string? Endpoint { get; set; }

    /// <summary>The default model; empty: the first one that the server lists. On Azure, the deployment's name.</summary>
    public string? Model { get; set; }

    /// <summary>Sent as bearer token; to Azure as <c>api-key</c>. The caller's own credentials never reach the upstream.</summary>
    public string? ApiKey { get; set; }

    /// <summary>How to speak with the server: <c>openai</c> or <c>azure-openai</c>.</summary>
    public string Connector { get; set; } = OpenAI;

    /// <summary>Version of Azure's API, as <c>2024-10-21</c>. Empty: the newest that the connector speaks.</summary>
    public string? ApiVersion { get; set; }

    /// <summary>
    /// Every answer begins amid the model's reasoning and has its closing tag alone, because the chat template has the
    /// opening one (DeepSeek-R1, QwQ on a server that does not take the reasoning apart).
    /// </summary>
    public bool BeginsThinking { get; set; }

    /// <summary>
    /// The model takes images, as content parts of type <c>image_url</c>. False: questions with images are refused before it is
    /// asked; of <c>/v1/chat/completions</c> the server decides itself.
    /// </summary>
    public bool Vision { get; set; }

    /// <summary>How long the server's list of models is cached.</summary>
    public TimeSpan ModelsCache { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Where the model's reasoning is.</summary>
    public ThinkingIn Thinking => BeginsThinking ? ThinkingIn.OpenTag : ThinkingIn.Tags;

    /// <summary>Whether a language model is configured at all.</summary>
    public bool IsConfigured => !string.IsNullOrWhiteSpace(Endpoint);

    /// <summary>Reports all errors together, at the start.</summary>
    public sealed class Validator : IValidateOptions<LlmOptions>
    {
        public ValidateOptionsResult Validate(string? name, LlmOptions options)
        {
            var errors = new List<string>();
            var isAddress = Uri.TryCreate(options.Endpoint, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https";
            if (options.IsConfigured && !isAddress)
                errors.Add($"Llm:Endpoint must be an http or https address, not '{options.Endpoint}'");
            if (options.Connector is Azure)
                errors.AddRange(ErrorsOnAzure(options, isAddress ? uri : null));
            else if (options.Connector is not OpenAI)
                errors.Add($"Llm:Connector must be {OpenAI} or {Azure}, not '{options.Connector}'");
            else if (!string.IsNullOrWhiteSpace(options.ApiVersion))
                errors.Add($"Llm:ApiVersion is for Llm:Connector={Azure} only");
            if (options.ModelsCache < TimeSpan.Zero)
                errors.Add("Llm:ModelsCache must not be negative");
            return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
        }

        private static IEnumerable<string> ErrorsOnAzure(LlmOptions options, Uri? endpoint)
        {
            if (!options.IsConfigured)
                yield return $"Llm:Endpoint is missing: Llm:Connector={Azure} needs the resource's address, https://NAME.openai.azure.com";
            if (endpoint is { Scheme: "http", IsLoopback: false })
                yield return "Llm:Endpoint must be https: the key would be sent in the clear";
            if (endpoint is not null && endpoint.AbsolutePath.TrimEnd('/').EndsWith("/openai/v1", StringComparison.OrdinalIgnoreCase))
                yield return $"Llm:Endpoint is Azure's OpenAI-compatible API: use Llm:Connector={OpenAI} with it";
            else if (endpoint is not null && endpoint.PathAndQuery is not "/")
                yield return $"Llm:Endpoint must be the resource's address alone, {endpoint.GetLeftPart(UriPartial.Authority)}, without a path";
            if (string.IsNullOrWhiteSpace(options.Model))
                yield return "Llm:Model is missing: the name of the deployment on Azure";
            if (string.IsNullOrWhiteSpace(options.ApiKey))
                yield return "Llm:ApiKey is missing: a key of the Azure resource";
            if (!AzureApiVersion.IsKnown(options.ApiVersion))
                yield return $"Llm:ApiVersion must be one of {string.Join(", ", AzureApiVersion.Known)}, not '{options.ApiVersion}'";
        }
    }
}
