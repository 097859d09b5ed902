using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;
using Microsoft.SemanticKernel.Connectors.OpenAI;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>
/// Asks the engines (<see cref="EngineTries"/>) through Semantic Kernel's connector for OpenAI-compatible APIs. Each
/// request is bounded by <c>Answers:MaxDuration</c>. Where every engine is overloaded, the question is asked again for
/// a while; what a model server refused for its form is asked in a lesser one (<see cref="RequestForm"/>).
/// </summary>
public sealed partial class EngineModel(
    IHttpClientFactory clients, CompletionsClient engines, ModelAbilities abilities, IOptions<AnswersOptions> answers,
    IOptions<ModelOptions> options, IOptions<ShareOptions> shares, TimeProvider time, ILogger<EngineModel> logger)
    : ILanguageModel
{
    private const int MaxReply = 1024 * 1024; // characters
    private static readonly TimeSpan ListWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ListRemembered = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan OverloadWait = TimeSpan.FromSeconds(2);

    private readonly SharedBound _places = new(options.Value.QuestionsAtOnce, shares.Value);
    private readonly ConcurrentDictionary<Uri, (string Id, long Since)> _defaults = new();

    public IChatCompletionService Chat(string tenant, string subject) => new EngineChat(this, tenant, subject);

    public async Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken)
    {
        var list = await AtAnEngineAsync(engine => ListAsync(engine, tenant, subject, cancellationToken));
        // Other servers' lists have no kind; what they have is a model.
        return list.Any(model =>
            !(model.TryGetProperty("lyceum", out var own) && own.ValueKind == JsonValueKind.Object
                && own.TryGetProperty("kind", out var kind) && kind.ValueKind == JsonValueKind.String && kind.ValueEquals("primer")));
    }

    /// <exception cref="ModelException">There is no answer.</exception>
    internal async Task<ChatMessageContent> CompleteAsync(
        string tenant, string subject, ChatHistory history, OpenAIPromptExecutionSettings settings, Kernel? kernel, CancellationToken cancellationToken)
    {
        // A token's share: whose tasks these are, a person's or a token's, is not stored with them.
        using var place = await _places.TakeAsync(new Sharer(tenant, subject, CallerKind.Token), cancellationToken);
        for (var asked = time.GetTimestamp(); ; await Task.Delay(OverloadWait, time, cancellationToken))
        {
            try
            {
                return await AtAnEngineAsync(
                    engine => CompleteAsync(engine, tenant, subject, history, settings, kernel, cancellationToken));
            }
            catch (ModelException e) when (e.IsOverload && time.GetElapsedTime(asked) < options.Value.OverloadPatience)
            {
                LogOverload(logger, e.Message); // the place is kept: waiting for the engine is what it is for
            }
        }
    }

    /// <summary>Asks an engine, and others where it takes nothing on.</summary>
    private async Task<T> AtAnEngineAsync<T>(Func<Uri, Task<T>> ask)
    {
        for (var tries = Tries(); ;)
        {
            var engine = tries.Current;
            try
            {
                return await ask(engine);
            }
            catch (ModelException e) when (e.TookNothingOn && tries.MoveNext())
            {
                LogMovedOn(logger, engine, tries.Current, e.Message);
            }
        }
    }

    private EngineTries Tries()
    {
        try
        {
            return engines.Tries();
        }
        catch (EngineException e)
        {
            throw new ModelException(e.Message, e);
        }
    }

    private async Task<ChatMessageContent> CompleteAsync(
        Uri engine, string tenant, string subject, ChatHistory history, OpenAIPromptExecutionSettings settings,
        Kernel? kernel, CancellationToken cancellationToken)
    {
        var model = await DefaultModelAsync(engine, tenant, subject, cancellationToken);
        var isFresh = false;
        var first = abilities.Limit(engine, EngineChat.FormOf(settings));
        for (var form = first; ;)
        {
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            bound.CancelAfter(answers.Value.WholeAnswerTimeout);
            try
            {
                // The connector turns the SDK's own retries off where it is given a client. No logger: at Trace it writes prompts.
                using var client = clients.CreateClient(CompletionsClient.Service);
                var connector = new OpenAIChatCompletionService(
                    model, new Uri(engine, "/v1"), engines.TokenFor(tenant, subject), httpClient: client);
                var (messages, fields) = EngineChat.Shape(history, settings, form);
                var answer = (await connector.GetChatMessageContentsAsync(messages, fields, kernel, bound.Token))[0];
                if (answer.Content?.Length > MaxReply)
                    throw new ModelException("The model's answer is too long.");
                if (form != first)
                    abilities.Learn(engine, first, form);
                return answer;
            }
            catch (HttpOperationException e) when (Refused(form, e) is { } lesser)
            {
                LogRefused(logger, engine, (int)e.StatusCode!, form, lesser);
                form = lesser;
            }
            catch (HttpOperationException e) when (e.StatusCode == HttpStatusCode.NotFound && !isFresh)
            {
                // The engine may have another model than when it was listed.
                _defaults.TryRemove(engine, out _);
                (var before, model, isFresh) = (model, await DefaultModelAsync(engine, tenant, subject, cancellationToken), true);
                if (model == before)
                    throw Rejected(Error((int)HttpStatusCode.NotFound, e.ResponseContent), e);
            }
            catch (HttpOperationException e) when (e.StatusCode is { } status and not default(HttpStatusCode))
            {
                throw Rejected(Error((int)status, e.ResponseContent), e);
            }
            catch (Exception e) when (
                !cancellationToken.IsCancellationRequested && e is HttpOperationException or HttpRequestException or IOException or OperationCanceledException)
            {
                throw Away(e, answers.Value.WholeAnswerTimeout);
            }
            catch (Exception e) when (
                e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException or FormatException or NullReferenceException)
            {
                // What the SDK throws on an answer that is none.
                throw new ModelException("The engine's answer is no chat completion.", e);
            }
        }
    }

    private static RequestForm? Refused(RequestForm form, HttpOperationException e) =>
        e.StatusCode is { } status and not default(HttpStatusCode) ? form.Without((int)status, e.ResponseContent ?? e.Message) : null;

    /// <summary>The model that an engine answers with where none is named; OpenAI's SDK names one always.</summary>
    private async Task<string> DefaultModelAsync(Uri engine, string tenant, string subject, CancellationToken cancellationToken)
    {
        if (_defaults.TryGetValue(engine, out var known) && time.GetElapsedTime(known.Since) < ListRemembered)
            return known.Id;
        var list = await ListAsync(engine, tenant, subject, cancellationToken);
        var id = list.Select(model => model.TryGetProperty("id", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null)
            .FirstOrDefault(name => !string.IsNullOrWhiteSpace(name)) ?? throw new ModelException("The engine lists no model.");
        _defaults[engine] = (id, time.GetTimestamp());
        return id;
    }

    private async Task<IReadOnlyList<JsonElement>> ListAsync(
        Uri engine, string tenant, string subject, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(ListWithin);
        try
        {
            return await engines.ListModelsAsync(engine, engines.TokenFor(tenant, subject), bound.Token);
        }
        catch (EngineException e)
        {
            throw Rejected(e.Error, e);
        }
        catch (Exception e) when (
            !cancellationToken.IsCancellationRequested
            && e is HttpRequestException or IOException or JsonException or OperationCanceledException)
        {
            throw Away(e, ListWithin);
        }
    }

    private static EngineError Error(int status, string? body)
    {
        try
        {
            return EngineError.Of(JsonElement.Parse(body ?? ""), status);
        }
        catch (JsonException)
        {
            return new(status, EngineError.Unknown, "");
        }
    }

    private static ModelException Rejected(EngineError error, Exception e) =>
        new(error.Code is ErrorCodes.BudgetExhausted
            ? "Too little is left of the budget of model tokens for this question." : $"The engine answered {error.Status}.", e)
        {
            IsOverload = error.Status is 429 or 503 && error.Code is not ErrorCodes.BudgetExhausted,
            TookNothingOn = error.TookNothingOn,
        };

    private static ModelException Away(Exception e, TimeSpan limit) =>
        new(e is OperationCanceledException
            ? $"The engine did not answer within {limit}."
            : EngineTries.IsUnreachable(e) ? "The engine cannot be reached." : "The engine broke off its answer.", e)
        {
            TookNothingOn = EngineTries.IsUnreachable(e),
        };

    [LoggerMessage(Level = LogLevel.Warning, Message = "Engine {Failed} took nothing on, {Engine} is asked: {Reason}")]
    private static partial void LogMovedOn(ILogger logger, Uri failed, Uri engine, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The engine has too much to do, asking again shortly: {Reason}")]
    private static partial void LogOverload(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Engine} refused a question ({Status}) of the form {Form}, asking again as {Lesser}")]
    private static partial void LogRefused(ILogger logger, Uri engine, int status, RequestForm form, RequestForm lesser);
}
