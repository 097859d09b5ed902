using System.Globalization;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Data;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.Text;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>Practice sets, what is due, and attempts.</summary>
internal static class PracticeEndpoints
{
    private const int MaxPage = 100;
    private const int MaxAnswer = 4000;

    public static void MapPractice(this IEndpointRouteBuilder routes)
    {
        routes.MapJobs(new PracticeApi());
        var group = routes.MapGroup("/api/practice").WithTags("practice").RequireScope(Scopes.Practice);
        group.MapPost("sets", MakeAsync)
            .Fails(404, ErrorCodes.TaskNotFound, ErrorCodes.ConceptNotFound, ErrorCodes.TutorNotFound, ErrorCodes.KnowledgeBaseNotFound)
            .Fails(409, ErrorCodes.TaskNotCompleted).Fails(422, ErrorCodes.IdempotencyKeyReused).Fails(429, ErrorCodes.LimitReached);
        group.MapGet("sets", ListAsync);
        var set = group.MapGroup("sets/{id:guid}").Fails(404, ErrorCodes.PracticeSetNotFound);
        set.MapGet("", ReadAsync);
        set.MapDelete("", DeleteAsync);
        group.MapGet("due", DueAsync).Fails(400, ErrorCodes.InvalidCursor);
        var item = group.MapGroup("items/{id:guid}").Fails(404, ErrorCodes.PracticeItemNotFound).Fails(409, ErrorCodes.ItemSuperseded)
            .Fails(429, ErrorCodes.LimitReached);
        item.MapPut("", ChangeAsync);
        item.MapPost("attempts", AttemptAsync).Fails(422, ErrorCodes.IdempotencyKeyReused);
    }

    /// <summary>Records a task that makes a practice set, then answers. The same <c>Idempotency-Key</c> with the same request is the same
    /// task.</summary>
    private static async Task<Accepted<PracticeAccepted>> MakeAsync(
        MakeSetRequest request, Caller caller, HttpRequest http, JobStore jobs, SetStore sets, SharedRoadmaps roadmaps, Grounder grounder,
        CancellationToken cancellationToken)
    {
        var order = PracticeOrder.Check(request);
        var (key, asked) = (IdempotencyKeys.Of(http), JobJson.Write(order));
        // A repeated request is answered without looking anything up: what it names may be gone meanwhile.
        if (!await jobs.IsKnownAsync(caller, PracticeKind.KindName, key, cancellationToken))
        {
            await sets.CheckQuotaAsync(caller.Tenant, caller.Person, cancellationToken);
            if (order.TaskId is { } taskId)
            {
                var found = await roadmaps.FindAsync(caller, taskId, cancellationToken);
                var roadmap = await roadmaps.ReadAsync(found, cancellationToken);
                if (!roadmap.Modules.SelectMany(module => module.Concepts).Any(concept => concept.Id == order.ConceptId))
                    throw new ProblemException(404, ErrorCodes.ConceptNotFound, $"The roadmap has no concept {order.ConceptId}.");
                order = order with { Owner = found.Owner };
            }
            if (order.Kind == PracticeOrder.Kb)
            {
                order = order with { KbId = await grounder.ResolveAsync(caller, order.TutorId, order.KbId, cancellationToken) };
                if (order.KbId is null)
                    throw new ProblemException(404, ErrorCodes.KnowledgeBaseNotFound, $"The tutor {order.TutorId} has no knowledge base.");
            }
        }
        var (task, _) = await jobs.AddAsync(
            new(PracticeKind.KindName, caller.Tenant, caller.Person, JobJson.Write(order), IdempotencyKey: key, Asked: asked), cancellationToken);
        var url = $"/api/practice/tasks/{task}";
        return TypedResults.Accepted(
            $"{url}/status", new PracticeAccepted(task, task, JobStatus.Queued, $"{url}/status", $"{url}/events", $"/api/practice/sets/{task}"));
    }

    /// <summary>The caller's sets and those shared with their classes, newest first, <paramref name="limit"/> (1-100) a page.</summary>
    private static async Task<SetPage> ListAsync(
        Caller caller, SetStore sets, Learners learners, DatabaseReady ready, CancellationToken cancellationToken, Guid? cursor = null,
        int limit = 20)
    {
        CheckLimit(limit);
        ready.ThrowIfNotReady();
        var (learner, shared) = await learners.ForListAsync(caller, cancellationToken);
        var page = await sets.ListAsync(learner, cursor, limit, cancellationToken);
        return new([.. page.Select(set => SetView.Of(set, caller.Person))], page.Count == limit ? page[^1].Id : null, shared);
    }

    /// <summary>A set and its items; with their answers only for who made it and is no student.</summary>
    private static async Task<SetWithItems> ReadAsync(
        Guid id, Caller caller, SetStore sets, Learners learners, DatabaseReady ready, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var set = await sets.FindAsync(caller, id, learners, cancellationToken);
        var withSolutions = set.Subject == caller.Person && caller.Role is not Role.Student;
        var items = await sets.ItemsAsync(set, cancellationToken);
        return new(SetView.Of(set, caller.Person), [.. items.Select(item => ItemView.Of(item, withSolutions))]);
    }

    /// <summary>Deletes one's own set, for all who practise with it. What they did with it stays, as evidence.</summary>
    private static async Task<NoContent> DeleteAsync(
        Guid id, Caller caller, SetStore sets, DatabaseReady ready, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await sets.DeleteAsync(caller.Tenant, caller.Person, id, cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>What is due to the caller now, the longest due first, <paramref name="limit"/> (1-100) a page, without answers.</summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<DuePage> DueAsync(
        Caller caller, SetStore sets, Learners learners, DatabaseReady ready, CancellationToken cancellationToken, string? cursor = null,
        int limit = 20)
    {
        CheckLimit(limit);
        var after = DueCursor.Parse(cursor);
        ready.ThrowIfNotReady();
        var (learner, shared) = await learners.ForListAsync(caller, cancellationToken);
        var page = await sets.DueAsync(learner, after, limit + 1, cancellationToken);
        var count = page.Count <= limit && after is null ? page.Count : await sets.CountDueAsync(learner, cancellationToken);
        return new(
            [.. page.Take(limit).Select(due => new DueItemView(ItemView.Of(due.Item), due.Due, due.Reps == 0))], count,
            page.Count > limit ? DueCursor.Of(page[limit - 1]) : null, shared);
    }

    /// <summary>
    /// Answers an item: it is graded here, and recorded with what it changes of the schedule. The same attempt id (or
    /// <c>Idempotency-Key</c>) again is the same attempt. The answer, explanation and passage are shown then.
    /// </summary>
    private static async Task<AttemptView> AttemptAsync(
        Guid id, AttemptRequest request, Caller caller, HttpRequest http, SetStore sets, AttemptStore attempts, Grader grader,
        Learners learners, DatabaseReady ready, CancellationToken cancellationToken)
    {
        var key = KeyOf(request, http);
        ready.ThrowIfNotReady();
        var item = await sets.FindItemAsync(caller, id, learners, cancellationToken);
        var answer = AnswerOf(request, item);
        var fingerprint = IdempotencyKeys.Fingerprint($"{id} {answer}");

        var attempt = key is null ? null : await attempts.FindAsync(caller.Tenant, caller.Person, key, fingerprint, cancellationToken);
        if (attempt is null)
        {
            if (item.SupersededBy is { } successor)
                throw SetStore.Superseded(id, successor);
            var grade = await grader.GradeAsync(caller.Tenant, caller.Person, item, answer, cancellationToken);
            attempt = await attempts.AddAsync(
                caller.Tenant, caller.Person, key, fingerprint, item, answer, grade, cancellationToken);
        }
        if (attempt.Outcome == Grade.Ungraded && request.SelfGrade is { } self)
            attempt = await attempts.GradeAsync(attempt, item, Grade.OfLearner(self), cancellationToken);
        return AttemptView.Of(attempt, item);
    }

    /// <summary>Puts another item in the place of one's own: items never change, so this one is superseded.</summary>
    private static async Task<Created<ItemView>> ChangeAsync(
        Guid id, ChangeItemRequest request, Caller caller, SetStore sets, DatabaseReady ready, TimeProvider time,
        CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var item = await sets.SupersedeAsync(
            caller.Tenant, caller.Person, id, old => Changed(old, request, time.GetStoredNow()), cancellationToken);
        return TypedResults.Created($"/api/practice/sets/{item.SetId}", ItemView.Of(item, withSolution: caller.Role is not Role.Student));
    }

    private static PracticeItemRow Changed(PracticeItemRow old, ChangeItemRequest request, DateTimeOffset now)
    {
        const int MaxText = 2000;
        var faults = new ValidationErrors();
        faults.CheckText("question", request.Question, MaxText, required: true);
        faults.CheckText("rubric", request.Rubric, MaxText);
        faults.CheckText("explanation", request.Explanation, MaxText);
        faults.AddIf(request.Answers is null or { Count: 0 or > 10 }, "answers", "answers must hold 1 to 10 answers.");
        foreach (var text in (request.Answers ?? []).Concat(request.Options ?? []).Take(20))
            faults.CheckText("answers", text, MaxText, required: true);
        var isChoice = old.Kind == ItemKinds.Choice;
        faults.AddIf(isChoice && (request.Options is null or { Count: < 2 or > 6 }
            || request.Options.Distinct(StringComparer.Ordinal).Count() != request.Options.Count), "options", "options must be 2 to 6, all different.");
        faults.AddIf(isChoice && !(request.Answers is [var right] && request.Options?.Contains(right) == true), "answers",
            "The answer of a choice is one of its options.");
        faults.AddIf(old.Kind == ItemKinds.Cloze && request.Question?.Contains(ItemKinds.Gap, StringComparison.Ordinal) != true, "question",
            $"question must have {ItemKinds.Gap} for what is missing.");
        faults.ThrowIfAny();
        return new PracticeItemRow
        {
            Id = Guid.CreateVersion7(), SetId = old.SetId, Tenant = old.Tenant, Subject = old.Subject, Number = old.Number, Kind = old.Kind,
            Question = request.Question!.Trim(), Options = isChoice ? [.. request.Options!] : null, Answers = [.. request.Answers!],
            Rubric = old.Kind == ItemKinds.Short && !string.IsNullOrWhiteSpace(request.Rubric) ? request.Rubric.Trim() : null,
            Explanation = request.Explanation, Quote = old.Quote, Source = old.Source, TaskId = old.TaskId, ConceptId = old.ConceptId,
            Supersedes = old.Id, CreatedAt = now,
        };
    }

    private static string? KeyOf(AttemptRequest request, HttpRequest http)
    {
        var (header, id) = (IdempotencyKeys.Of(http), request.AttemptId);
        var faults = new ValidationErrors();
        faults.AddIf(id is { Length: 0 or > 200 } || id?.Any(char.IsControl) == true, "attempt_id", "attempt_id must have 1 to 200 characters.");
        faults.AddIf(id is not null && header is not null && id != header, "attempt_id", "attempt_id and Idempotency-Key must not differ.");
        faults.CheckText("answer", request.Answer, MaxAnswer);
        faults.ThrowIfAny();
        return id ?? header;
    }

    /// <summary>As it is stored: of a choice the option's text.</summary>
    private static string AnswerOf(AttemptRequest request, PracticeItemRow item)
    {
        var faults = new ValidationErrors();
        if (item.Options is { } options)
        {
            faults.AddIf(request.Choice is null || request.Choice < 0 || request.Choice >= options.Length, "choice",
                $"choice must be the index of an option, 0 to {options.Length - 1}.");
            faults.ThrowIfAny();
            return options[request.Choice!.Value];
        }
        faults.AddIf(request.Answer is null, "answer", "answer must be given.");
        faults.ThrowIfAny();
        return StorableText.Of(request.Answer!);
    }

    private static void CheckLimit(int limit)
    {
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be from 1 to {MaxPage}.");
    }
}

/// <summary>Where a page of due items ended: opaque to clients, <c>{unix microseconds}_{id}</c>.</summary>
internal static class DueCursor
{
    public static string Of(DueItem item) => string.Create(
        CultureInfo.InvariantCulture, $"{(item.Due - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond}_{item.Item.Id}");

    /// <exception cref="ProblemException">400 <c>invalid_cursor</c>.</exception>
    public static (DateTimeOffset, Guid)? Parse(string? text)
    {
        if (text is null)
            return null;
        var parts = text.Split('_');
        // Years 1970 to 4000: what a time can hold.
        return parts.Length == 2 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            && at < 64_000_000_000_000_000 && Guid.TryParse(parts[1], out var id)
                ? (DateTimeOffset.UnixEpoch.AddTicks(at * TimeSpan.TicksPerMicrosecond), id)
                : throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be the next_cursor of a page.");
    }
}
