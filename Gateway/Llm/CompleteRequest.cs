using System.Text;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Llm;

/// <summary><c>POST /api/llm/complete</c>.</summary>
/// <param name="System">What the model is told before the prompt.</param>
/// <param name="Model">Absent: the engine's default.</param>
/// <param name="Stream">Whether the answer comes as server-sent events.</param>
public sealed record CompleteRequest(
    string? Prompt, string? System = null, string? Model = null, int? MaxTokens = null, double? Temperature = null, bool? Stream = null);

/// <summary>A question to a model, checked.</summary>
internal sealed record Question(string Prompt, string? System, string? Model, int? MaxTokens, double? Temperature)
{
    private const int MaxPrompt = 200_000; // characters
    private const int MaxSystem = 20_000;
    private const int MaxModel = 200;
    private const int MaxTokensAtAll = 1_000_000;

    /// <exception cref="ProblemException">400 <c>invalid_request</c>, with every validation error.</exception>
    public static Question From(CompleteRequest request)
    {
        var errors = new ValidationErrors();
        errors.CheckText("prompt", request.Prompt, MaxPrompt, required: true);
        errors.CheckText("system", request.System, MaxSystem);
        errors.CheckText("model", request.Model, MaxModel);
        errors.AddIf(request.Model is "", "model", "model must not be empty.");
        errors.AddIf(request.MaxTokens is < 1 or > MaxTokensAtAll, "max_tokens",
            $"max_tokens must be from 1 to {MaxTokensAtAll}.");
        errors.AddIf(request.Temperature is < 0 or > 2, "temperature", "temperature must be from 0 to 2.");
        errors.ThrowIfAny();
        return new(request.Prompt!, request.System, request.Model, request.MaxTokens, request.Temperature);
    }

    /// <summary>Of what the model is told, in UTF-8.</summary>
    public long Bytes => Encoding.UTF8.GetByteCount(Prompt) + Encoding.UTF8.GetByteCount(System ?? "");

    public CompletionRequest ToRequest(bool stream)
    {
        var prompt = new ContextMessage("user", Prompt);
        return new(System is { Length: > 0 } ? [new("system", System), prompt] : [prompt])
        {
            Stream = stream, Model = Model, MaxTokens = MaxTokens, Temperature = Temperature,
        };
    }
}
