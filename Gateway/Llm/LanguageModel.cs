using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Llm;

/// <summary>Asks the engines on a caller's account; which ones, says <see cref="EngineTries"/>.</summary>
internal sealed class LanguageModel(CompletionsClient engines, IdentityTokens identity)
{
    private const int MaxAnswer = 8 * 1024 * 1024; // bytes, of one that comes whole

    /// <summary>A whole answer.</summary>
    /// <exception cref="Exception">What <see cref="EngineFailure"/> explains.</exception>
    public async Task<CompleteResponse> CompleteAsync(Question question, Caller caller, CancellationToken cancellationToken)
    {
        using var response = await AskAsync(question, stream: false, caller, cancellationToken);
        await response.Content.LoadIntoBufferAsync(MaxAnswer, cancellationToken);
        var answer = CompletionReader.ReadWhole(await response.Content.ReadAsByteArrayAsync(cancellationToken));
        if (answer.Error is { } error)
            throw new EngineException(error);
        if (!answer.HasChoice)
            throw new MalformedStreamException("The engine answered something that is no completion.");
        return new(
            Guid.CreateVersion7(), answer.Model ?? question.Model ?? "", question.Prompt, answer.Text ?? "",
            answer.FinishReason ?? "stop", answer.Usage);
    }

    /// <summary>Begins a streamed answer.</summary>
    /// <exception cref="Exception">What <see cref="EngineFailure"/> explains.</exception>
    public Task<HttpResponseMessage> BeginAsync(Question question, Caller caller, CancellationToken cancellationToken) =>
        AskAsync(question, stream: true, caller, cancellationToken);

    private Task<HttpResponseMessage> AskAsync(
        Question question, bool stream, Caller caller, CancellationToken cancellationToken) =>
        engines.AskAsync(question.ToRequest(stream), identity.ForCaller(caller), cancellationToken);
}
