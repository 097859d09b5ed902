namespace Lyceum.Cli.Installation;

/// <summary>One choice of the operator, under the name of the environment variable that the services read.</summary>
/// <param name="Key"><c>Llm__Endpoint</c></param>
/// <param name="Default">What is in force without it, for the reader.</param>
/// <param name="Services">Who is given it; empty: all.</param>
internal sealed record Setting(string Key, string Default, string Explanation, params IReadOnlyList<string> Services)
{
    /// <summary>Other services do not even get to see it.</summary>
    public bool IsSecret { get; init; }

    public bool IsFor(Service service) => Services.Count == 0 || Services.Contains(service.Name);
}

/// <param name="Title">What the settings are about.</param>
internal sealed record SettingGroup(string Title, params IReadOnlyList<Setting> Settings);

/// <summary>
/// The choices that an operator meets at the installation. Every other setting of docs/operations.md works as well: a line in the
/// same file for hosts without containers, a line under the service's environment in compose.yaml otherwise.
/// </summary>
internal static class Settings
{
    private const string Chat = "chat-api", Engine = "gpu-engine", Gateway = "gateway", Roadmaps = "roadmap-worker", Sessions = "session-api";

    public static readonly IReadOnlyList<SettingGroup> Groups =
    [
        new("The language model: any OpenAI-compatible server (vLLM, Ollama, llama.cpp, a provider), or Azure OpenAI.\n" +
            "Without one, a built-in tutor answers from passages and says that no model is connected.",
            new Setting("Llm__Endpoint", "", "Its address, such as http://127.0.0.1:11434/v1", Engine),
            new Setting("Llm__Model", "the first that the server lists", "The model's name; on Azure the deployment's", Engine),
            new Setting("Llm__ApiKey", "", "Its key, if it wants one", Engine) { IsSecret = true },
            new Setting("Llm__Connector", "openai", "openai or azure-openai", Engine),
            new Setting("Llm__Vision", "false", "true: the model takes images, so questions may have some", Engine),
            new Setting("Llm__BeginsThinking", "false", "true: answers begin amid reasoning (DeepSeek-R1 and QwQ without a reasoning parser)",
                Engine)),
        new("Speech, both ways: servers with OpenAI's audio API. Without them sessions are text.",
            new Setting("Asr__Endpoint", "", "Speech recognition, such as http://127.0.0.1:8000/v1", Engine),
            new Setting("Asr__Model", "whisper-1", "Its model", Engine),
            new Setting("Asr__ApiKey", "", "Its key, if it wants one", Engine) { IsSecret = true },
            new Setting("Tts__Endpoint", "", "Speech output; without one espeak-ng speaks where it is installed", Engine),
            new Setting("Tts__Model", "tts-1", "Its model", Engine),
            new Setting("Tts__Voice", "alloy", "Its voice", Engine),
            new Setting("Tts__ApiKey", "", "Its key, if it wants one", Engine) { IsSecret = true }),
        new("Moderation by a model, beside the built-in words (docs/safety.md).",
            new Setting("Moderation__Endpoint", "", "A server with OpenAI's moderation API", Engine),
            new Setting("Moderation__Model", "", "Its model", Engine),
            new Setting("Moderation__ApiKey", "", "Its key, if it wants one", Engine) { IsSecret = true }),
        new("Accounts (docs/accounts.md). The first one needs the setup code that session-api prints.",
            new Setting("Accounts__OpenRegistration", "false", "true: anybody may register; else an invitation is needed", Sessions),
            new Setting("Accounts__PasswordLogin", "true", "false: people sign in with the provider below only", Sessions),
            new Setting("Accounts__Oidc__Authority", "", "An OpenID Connect provider's issuer: https://id.example.org/realms/school", Sessions),
            new Setting("Accounts__Oidc__ClientId", "", "This installation's name at the provider", Sessions),
            new Setting("Accounts__Oidc__ClientSecret", "", "Its secret at the provider", Sessions) { IsSecret = true },
            new Setting("Accounts__Oidc__Name", "the issuer's host", "The text on the button", Sessions),
            new Setting("Accounts__Oidc__Admit", "invited", "Who gets an account without a code: anyone, domains, invited", Sessions),
            new Setting("Accounts__Oidc__Domains__0", "", "With domains: an e-mail domain; more of them: __1, __2", Sessions),
            new Setting("Accounts__Oidc__Tenant", "", "The organisation that the provider's people are members of", Sessions)),
        new("Bounds. Every one has a default that suits one server (docs/limits.md).",
            new Setting("Answers__MaxDuration", "00:05:00", "The longest answer; every timeout derives from it"),
            new Setting("Shares__Person", "0.5", "How much of each bound one person may hold while nobody else uses it"),
            new Setting("Shares__Tenant", "0.875", "The same for one organisation"),
            new Setting("Engine__Sessions__Max", "100", "Live sessions at a time", Engine),
            new Setting("Conversations__MaxBytes", "8589934592", "Bytes of messages that an organisation may keep", Chat),
            new Setting("Images__MaxBytes", "209715200", "Bytes of images that a person may keep", Chat),
            new Setting("Knowledge__MaxBytes", "1073741824", "Bytes of documents that an organisation may keep", Sessions),
            new Setting("Jobs__Concurrency", "64", "Tasks at a time", Roadmaps)),
        new("Callers by API token, signed requests, rates and budgets (docs/running-gateway.md).",
            new Setting("GATEWAY_CONFIG_FILE", "", "The gateway's configuration file; it must be able to read it", Gateway)),
        new("Telemetry and logs.",
            new Setting("OTEL_EXPORTER_OTLP_ENDPOINT", "", "A collector for traces, metrics and logs; without one nothing is sent"),
            new Setting("Logging__LogLevel__Default", "Information", "Warning: only what may need somebody")),
    ];

    public static IEnumerable<Setting> All => Groups.SelectMany(group => group.Settings);
}
