using Lyceum.Contracts;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Models;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.Text;
using Microsoft.Extensions.Options;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>
/// Practice sets as a kind of job: gather → write → store. A connected language model writes the items; where there is none, or it
/// cannot be asked at the last attempt, or its JSON stays wrong after the repairs, they come from the roadmap's quiz or from
/// passages, and the set says so. The items' ids are committed with what was written, so that storing them twice stores them once.
/// </summary>
internal sealed class PracticeKind(
    ILanguageModel model, ItemWriter writer, Grounder grounder, ConversationClient conversations, IServiceScopeFactory scopes, IHints hints, IOptions<PracticeOptions> options) : IJobKind
{
    public const string KindName = "practice";
    public const string Gather = "gather";
    public const string Write = "write";
    public const string Store = "store";

    // Progress when a stage is done.
    private const int Gathered = 20;
    private const int Written = 90;

    /// <summary>Passages of one set.</summary>
    private const int MaxPassages = 20;
    private const int MaxPassage = 2000; // characters
    private const int MaxTitle = 200;
    private static readonly TimeSpan ConversationWithin = TimeSpan.FromSeconds(10);

    public string Name => KindName;
    public string FirstStage => Gather;
    public TimeSpan Timeout => options.Value.Timeout;

    public void OnChanged(JobChange change)
    {
        if (change is { Status: JobStatus.Queued })
            hints.Publish(new MakePracticeSet(change.TaskId));
        hints.Publish(new PracticeSetStatusChanged(
            change.TaskId, change.Tenant, change.Subject, change.Status, change.Stage, change.Progress, change.Seq));
    }

    public async Task<StageResult> RunAsync(JobContext job, string stage, CancellationToken cancellationToken)
    {
        var order = JobJson.Read<PracticeOrder>(job.Input);
        return stage switch
        {
            Gather => new(JobJson.Write(await GatherAsync(job, order, cancellationToken)), Write, Gathered),
            Write => new(JobJson.Write(await WriteAsync(job, order, cancellationToken)), Store, Written),
            Store => new(JobJson.Write(await StoreAsync(job, order, cancellationToken)), null, 100),
            _ => throw new JobFailedException(ErrorCodes.Internal, $"This version of the worker has no stage {stage}."),
        };
    }

    private Task<Material> GatherAsync(JobContext job, PracticeOrder order, CancellationToken cancellationToken) => order.Kind switch
    {
        PracticeOrder.Concept => OfConceptAsync(job, order, cancellationToken),
        PracticeOrder.Kb => OfKnowledgeAsync(job, order, cancellationToken),
        _ => OfConversationAsync(job, order, cancellationToken),
    };

    private async Task<Material> OfConceptAsync(JobContext job, PracticeOrder order, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope(); // not injected: what reads tasks knows the kinds of job
        var roadmaps = scope.ServiceProvider.GetRequiredService<SharedRoadmaps>();
        var found = await roadmaps.OfOwnerAsync(job.Tenant, order.Owner ?? job.Subject, order.TaskId!.Value, cancellationToken)
            ?? throw new JobFailedException(ErrorCodes.TaskNotFound, "The roadmap is not there any more.");
        var roadmap = await roadmaps.ReadAsync(found, cancellationToken);
        var concept = roadmap.Modules.SelectMany(module => module.Concepts).FirstOrDefault(known => known.Id == order.ConceptId)
            ?? throw new JobFailedException(ErrorCodes.ConceptNotFound, "The roadmap has no such concept.");
        // What it cites; else what it says of itself.
        IReadOnlyList<Passage> passages = concept.Sources is { Count: > 0 } sources
            ? [.. sources.Select((source, i) => new Passage(i + 1, source.PassageId, source.Document, source.Title, source.Quote))]
            : [new(1, concept.Id, roadmap.Title, concept.Title, concept.Summary)];
        return new(
            concept.Title, order.Language ?? roadmap.Language, concept.Sources is { Count: > 0 } ? "passage" : "concept", passages,
            concept.Quiz, concept.Sources is { Count: > 0 } ? GroundingStatus.Found : null);
    }

    private async Task<Material> OfKnowledgeAsync(JobContext job, PracticeOrder order, CancellationToken cancellationToken)
    {
        var shelf = await grounder.GroundAsync(job, order.KbId, "", order.Topic!, [], cancellationToken);
        if (shelf is not { Passages.Count: > 0 })
        {
            throw new JobFailedException(ErrorCodes.NoMaterial, shelf?.Status == GroundingStatus.NothingFound
                ? $"The knowledge base {order.KbId} has nothing on this topic: name another."
                : $"The knowledge base {order.KbId} could not be searched: retry the task.");
        }
        return Of(order.Topic!, order, "passage", shelf.Passages, shelf.Status);
    }

    private async Task<Material> OfConversationAsync(JobContext job, PracticeOrder order, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(ConversationWithin);
        IReadOnlyList<ConversationMessage>? messages;
        try
        {
            messages = await conversations.ReadAsync(job.Tenant, job.Subject, order.ConversationId!.Value, bound.Token);
        }
        catch (Exception e) when (e is HttpRequestException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new StageException("The conversation cannot be read at the moment.", e);
        }
        if (messages is null)
            throw new JobFailedException(ErrorCodes.ConversationNotFound, $"There is no conversation {order.ConversationId} of yours.");
        // The latest answers: what was spoken of last is what is still to be learned.
        var passages = messages.Where(message => message is { Role: "assistant", Status: "complete" } && !string.IsNullOrWhiteSpace(message.Content))
            .TakeLast(MaxPassages)
            .Select((message, i) => new Passage(
                i + 1, message.Id.ToString(), null, null, StorableText.Truncate(message.Content.Trim(), MaxPassage))).ToList();
        if (passages.Count == 0)
            throw new JobFailedException(ErrorCodes.NoMaterial, "The conversation has no answer yet to practise.");
        var title = messages.FirstOrDefault(message => message.Role == "user")?.Content.ReplaceLineEndings(" ").Trim() ?? "";
        return Of(title, order, "message", passages, null);
    }

    private static Material Of(string title, PracticeOrder order, string kind, IReadOnlyList<Passage> passages, string? grounding)
    {
        var text = string.Concat(passages.Select(passage => passage.Text));
        var han = text.Count(sign => sign is >= '\u3400' and <= '\u9fff');
        return new(
            StorableText.Truncate(title, MaxTitle), order.Language ?? (han * 5 >= text.Count(char.IsLetter) ? "zh" : "en"), kind, passages, [],
            grounding);
    }

    private async Task<MadeSet> WriteAsync(JobContext job, PracticeOrder order, CancellationToken cancellationToken)
    {
        var material = job.Result<Material>(Gather);
        var words = PracticeWords.For(material);
        var because = words.NoModel;
        IReadOnlyList<MadeItem>? items = null;
        try
        {
            if (await model.IsConnectedAsync(job.Tenant, job.Subject, cancellationToken))
            {
                because = words.ModelUnusable;
                items = await writer.WriteAsync(job, order, material, cancellationToken);
            }
        }
        catch (ModelException) when (job.IsLastAttempt)
        {
            because = words.ModelAway;
        }
        if (items is { Count: > 0 })
            return new(material.Title, material.Language, SetMakers.Model, items.Count < order.Count ? [words.Fewer(items.Count)] : [], items);

        var fromQuiz = OfQuiz(material).Take(order.Count).ToList();
        items = fromQuiz.Count > 0 ? fromQuiz : ClozeMaker.Make(material, order.Count);
        if (items.Count == 0)
            throw new JobFailedException(ErrorCodes.NoMaterial, "Nothing could be made of the material: it has no whole sentence to ask about.");
        return new(
            material.Title, material.Language, fromQuiz.Count > 0 ? SetMakers.Catalogue : SetMakers.Passages,
            [because, fromQuiz.Count > 0 ? words.FromQuiz : words.FromPassages, .. items.Count < order.Count ? [words.Fewer(items.Count)] : (string[])[]],
            items);
    }

    private static IEnumerable<MadeItem> OfQuiz(Material material) => material.Quiz.Select(question => new MadeItem(
        Guid.CreateVersion7(), ItemKinds.Choice, question.Question, question.Options, [question.Options[question.Answer]], null,
        question.Explanation, material.Passages[0].Text, material.SourceOf(material.Passages[0])));

    private async Task<StoredSet> StoreAsync(JobContext job, PracticeOrder order, CancellationToken cancellationToken)
    {
        var made = job.Result<MadeSet>(Write);
        await using var scope = scopes.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<SetStore>().AddAsync(job.TaskId, job.Tenant, job.Subject, order, made, cancellationToken);
        return new(job.TaskId, made.Title, made.MadeBy, made.Items.Count);
    }

    internal sealed record StoredSet(Guid SetId, string Title, string MadeBy, int Items);
}

/// <summary>What a set says of how it was made.</summary>
internal sealed class PracticeWords(bool isChinese)
{
    public static PracticeWords For(Material material) => new(material.IsChinese);

    public string NoModel => Say("No language model is connected.", "当前没有连接语言模型。");

    public string ModelAway => Say("The language model could not be reached.", "语言模型暂时无法访问。");

    public string ModelUnusable => Say(
        "What the language model wrote did not pass the checks, even after corrections.", "语言模型的输出多次更正后仍未通过检查。");

    public string FromQuiz => Say("The questions are the roadmap's own.", "题目取自路线图自带的测验。");

    public string FromPassages => Say(
        "The questions are sentences of the material with a word left out.", "题目由原文句子挖空生成。");

    public string Fewer(int count) => Say($"The material is enough for {count} questions.", $"现有材料只够 {count} 道题。");

    private string Say(string english, string chinese) => isChinese ? chinese : english;
}
