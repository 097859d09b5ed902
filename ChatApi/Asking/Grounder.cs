using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Writing;
using Lyceum.Knowledge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Asking;

/// <summary>
/// Finds what an answer is to rest on, before its question is recorded. Who is named must be there; a search that fails does not
/// fail the answer.
/// </summary>
public sealed partial class Grounder(
    KnowledgeClient knowledge, IOptions<GroundingOptions> options, IOptions<GenerationOptions> generation, ChatMetrics metrics,
    TimeProvider time, ILogger<Grounder> logger)
{
    /// <summary>
    /// Not tied to the client's connection, as the recording of the question is not; at most <see cref="GroundingOptions.Timeout"/>.
    /// </summary>
    /// <param name="kbId">Goes before the tutor's own.</param>
    /// <param name="topic">What to search for: the question, and what it is about.</param>
    /// <param name="teaching">How the answer is to be given; a tutor that is locked to guiding does so in any case.</param>
    /// <returns>Null where neither a tutor nor a knowledge base is named, and nothing is said of how to answer.</returns>
    /// <exception cref="ProblemException">
    /// 404 <c>tutor_not_found</c>, <c>knowledge_base_not_found</c> (also another tenant's); 503 where the tutor
    /// cannot be looked up: an answer without it would not be what was asked for.
    /// </exception>
    public async Task<AnswerGrounding?> GroundAsync(
        Caller caller, int? tutorId, string? kbId, string topic, Teaching? teaching = null)
    {
        if (tutorId is null && kbId is null && teaching is null)
            return null;
        using var bound = new CancellationTokenSource(options.Value.Timeout, time);
        var tutor = tutorId is { } id ? await ReadTutorAsync(caller, id, bound.Token) : null;
        if (tutor?.Mode == Modes.Guide)
            teaching = (teaching ?? new(null, null, null, null)) with { Mode = Modes.Guide };
        var prompt = SystemPrompt(generation.Value.SystemPrompt, tutor, teaching?.Prompt(topic) ?? "");
        var classId = tutor?.ClassId;
        if ((kbId ?? tutor?.KbId) is not { } searched)
            return new(tutorId, null, null, [], prompt) { Teaching = teaching, ClassId = classId };

        var found = await SearchAsync(caller, searched, topic, isNamed: kbId is not null, bound.Token);
        var status = found switch { null => GroundingStatus.Unavailable, [] => GroundingStatus.NothingFound, _ => GroundingStatus.Found };
        metrics.Grounded(status);
        return new(tutorId, searched, status, Number(found ?? []), prompt) { Teaching = teaching, ClassId = classId };
    }

    private async Task<Tutor> ReadTutorAsync(Caller caller, int id, CancellationToken cancellationToken)
    {
        try
        {
            return await knowledge.ReadTutorAsync(caller.Tenant, caller.Person, id, cancellationToken)
                ?? throw new ProblemException(404, ErrorCodes.TutorNotFound, $"There is no tutor {id} of yours.");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            LogNoTutor(logger, id, e.Message);
            throw new ProblemException(503, ErrorCodes.ServiceUnavailable,
                "Tutors cannot be looked up at the moment. Nothing was asked; try again shortly.", TimeSpan.FromSeconds(2));
        }
    }

    /// <returns>Null where it could not be searched.</returns>
    private async Task<IReadOnlyList<FoundPassage>?> SearchAsync(
        Caller caller, string kbId, string topic, bool isNamed, CancellationToken cancellationToken)
    {
        var reason = "there is no such knowledge base";
        try
        {
            var found = await knowledge.SearchAsync(caller.Tenant, caller.Person, kbId, topic, options.Value.Passages, cancellationToken);
            if (found is not null)
                return found;
            if (isNamed)
                throw new ProblemException(404, ErrorCodes.KnowledgeBaseNotFound, $"There is no knowledge base {kbId} of yours.");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            reason = e.Message;
        }
        LogUngrounded(logger, kbId, reason);
        return null;
    }

    private static AnswerSource[] Number(IReadOnlyList<FoundPassage> found) =>
        [.. found.Select((passage, i) => new AnswerSource(
            i + 1, passage.Id, passage.Title, passage.Source, passage.Text, Cited: false, passage.KbId, passage.DocumentId, passage.Page,
            passage.Offset, passage.Length))];

    /// <summary>The general prompt, then the tutor's, then how to teach; null: the general one alone.</summary>
    internal static string? SystemPrompt(string general, Tutor? tutor, string teaching)
    {
        if (tutor is null && teaching.Length == 0)
            return null;
        string[] tutors = tutor is null ? [] :
        [
            TutorPrompt.Of(tutor.Name, tutor.Subject, tutor.Instructions),
            $"Where the language of a question is not clear, answer in {tutor.Language}.",
        ];
        return string.Join("\n\n", ((string[])[general, .. tutors, teaching]).Where(part => part.Length > 0));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Knowledge base {KbId} not searched, the answer goes on without passages: {Reason}")]
    private static partial void LogUngrounded(ILogger logger, string kbId, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Tutor {TutorId} not looked up, the question is rejected: {Reason}")]
    private static partial void LogNoTutor(ILogger logger, int tutorId, string reason);
}
