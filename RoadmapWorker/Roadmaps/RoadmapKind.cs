using Lyceum.Contracts;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Models;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Messaging;
using Microsoft.Extensions.Options;

namespace Lyceum.RoadmapWorker.Roadmaps;

/// <summary>
/// Roadmaps as a kind of job: analyse → design → validate → write. A connected language model does the work; where there is none,
/// or it cannot be asked at the last attempt, or its JSON stays wrong after the repairs, the catalogue planner goes on, and the
/// roadmap says so.
/// </summary>
public sealed class RoadmapKind(ILanguageModel model, ModelPlanner planner, IHints hints, IOptions<RoadmapOptions> options) : IJobKind
{
    public const string KindName = "roadmap";
    public const string Analyse = "analyse";
    public const string Design = "design";
    public const string Validate = "validate";
    public const string Write = "write";

    // Progress when a stage is done; what is written in the last one moves it from the third to 100.
    private const int Analysed = 10;
    private const int Designed = 40;
    private const int Validated = 50;

    public string Name => KindName;
    public string FirstStage => Analyse;
    public TimeSpan Timeout => options.Value.Timeout;

    public void OnChanged(JobChange change)
    {
        if (change is { Status: JobStatus.Queued })
            hints.Publish(new GenerateRoadmap(change.TaskId));
        hints.Publish(new RoadmapStatusChanged(
            change.TaskId, change.Tenant, change.Subject, change.Status, change.Stage, change.Progress, change.Seq));
    }

    public async Task<StageResult> RunAsync(JobContext job, string stage, CancellationToken cancellationToken)
    {
        var order = JobJson.Read<RoadmapOrder>(job.Input);
        return stage switch
        {
            Analyse => Left(await AnalyseAsync(job, order, cancellationToken), Design, Analysed),
            Design => Left(await DesignAsync(job, order, cancellationToken), Validate, Designed),
            Validate => Left(await ValidateAsync(job, order, cancellationToken), Write, Validated),
            Write => Left(await WriteAsync(job, order, cancellationToken), null, 100),
            _ => throw new JobFailedException(ErrorCodes.Internal, $"This version of the worker has no stage {stage}."),
        };
    }

    private static StageResult Left<T>(T value, string? next, int progress) => new(JobJson.Write(value), next, progress);

    private async Task<Analysis> AnalyseAsync(JobContext job, RoadmapOrder order, CancellationToken cancellationToken)
    {
        var words = Words.For(order);
        var (connected, _) = await TryAsync(job, order, async () =>
            await model.IsConnectedAsync(job.Tenant, job.Subject, cancellationToken) ? "yes" : "no");
        if (connected != "yes")
            return CataloguePlanner.Analyse(order, connected is null ? words.ModelAway : words.NoModel);
        var (analysis, because) = await TryAsync(job, order, () => planner.AnalyseAsync(job, order, cancellationToken));
        return analysis ?? CataloguePlanner.Analyse(order, because);
    }

    private async Task<Design> DesignAsync(JobContext job, RoadmapOrder order, CancellationToken cancellationToken)
    {
        var analysis = job.Result<Analysis>(Analyse);
        if (analysis.MadeBy == Makers.Catalogue)
            return CataloguePlanner.Design(order, analysis);
        var (design, because) = await TryAsync(job, order, () => planner.DesignAsync(job, order, analysis, cancellationToken));
        return design ?? FromCatalogue(order, because);
    }

    private async Task<ValidDesign> ValidateAsync(JobContext job, RoadmapOrder order, CancellationToken cancellationToken)
    {
        var design = DesignMender.Mend(job.Result<Design>(Design));
        var faults = RoadmapRules.Check(design, order);
        if (faults.Count > 0 && design.MadeBy == Makers.Model)
        {
            var (repaired, because) = await TryAsync(job, order,
                () => planner.RepairAsync(job, order, job.Result<Analysis>(Analyse), design, faults, cancellationToken));
            design = repaired ?? FromCatalogue(order, because);
            faults = RoadmapRules.Check(design, order);
        }
        var weeks = WeekPlan.Fill(design.Modules.SelectMany(module => module.Concepts), order.WeeklyHours);
        faults = [.. faults, .. RoadmapRules.CheckWeeks(design, weeks, order)];
        if (faults.Count > 0)
            throw new JobFailedException(ErrorCodes.InvalidRoadmap, $"No valid roadmap could be made: {string.Join(' ', faults.Take(3))}");
        var available = order.WeeksUntilDeadline;
        var fits = available is null ? (bool?)null : weeks.Count <= available;
        return new(design, weeks, fits, fits == false ? [Words.For(order).TooLong(weeks.Count, available!.Value)] : []);
    }

    private async Task<Roadmap> WriteAsync(JobContext job, RoadmapOrder order, CancellationToken cancellationToken)
    {
        var analysis = job.Result<Analysis>(Analyse);
        var valid = job.Result<ValidDesign>(Validate);
        var byModel = valid.Design.MadeBy == Makers.Model;
        var concepts = valid.Design.Modules.SelectMany(module => module.Concepts).ToList();
        var contents = new ConceptContent[concepts.Count];
        var written = 0;
        if (byModel)
        {
            await Parallel.ForAsync(0, concepts.Count, new ParallelOptions
            {
                MaxDegreeOfParallelism = options.Value.ConceptsAtOnce, CancellationToken = cancellationToken,
            }, async (index, cancel) => contents[index] = await WriteConceptAsync(index, cancel));
        }
        else
        {
            var subject = Catalogue.Match(order.Query)?.Id;
            for (var i = 0; i < concepts.Count; i++)
                contents[i] = CataloguePlanner.Write(order, subject, concepts[i]);
        }

        var notes = analysis.Notes.Concat(valid.Design.Notes).Concat(valid.Notes).ToList();
        if (byModel && contents.Count(content => content.FromCatalogue) is var completed and > 0)
            notes.Add(Words.For(order).Completed(completed));
        var grounding = Grounding(order, analysis, valid.Design, contents);
        notes.AddRange(Words.For(order).Knowledge(order, grounding, contents.Any(content => content.Sources is { Count: > 0 })));
        var content = concepts.Zip(contents).ToDictionary(pair => pair.First.Id, pair => pair.Second, StringComparer.Ordinal);
        var roadmap = new Roadmap(
            job.TaskId, order.UserId, analysis.Title, analysis.Goal, order.Language, order.Level, order.WeeklyHours, order.Styles,
            valid.Design.MadeBy, [.. notes.Distinct()], concepts.Sum(concept => concept.Hours), valid.FitsDeadline,
            [.. valid.Design.Modules.Select(module => new Module(module.Id, module.Title, [.. module.Concepts.Select(concept => new Concept(
                concept.Id, concept.Title, concept.Summary, concept.Hours, concept.Prerequisites, content[concept.Id].Activities,
                content[concept.Id].Resources, content[concept.Id].Quiz, content[concept.Id].Sources))]))],
            valid.Weeks, order.TutorId, order.KbId, grounding);
        if (RoadmapRules.Check(roadmap, order) is [var fault, ..])
            throw new JobFailedException(ErrorCodes.InvalidRoadmap, $"No valid roadmap could be made: {fault}");
        return roadmap;

        async Task<ConceptContent> WriteConceptAsync(int index, CancellationToken cancel)
        {
            var concept = concepts[index];
            if (job.Checkpoint(concept.Id) is { } before)
            {
                Interlocked.Increment(ref written);
                return JobJson.Read<ConceptContent>(before);
            }
            var (own, _) = await TryAsync(job, order, () => planner.WriteAsync(job, order, analysis, concept, cancel));
            var made = own ?? GenericPlan.Write(order, concept);
            var progress = Validated + (100 - Validated - 1) * Interlocked.Increment(ref written) / concepts.Count;
            await job.SaveCheckpointAsync(concept.Id, JobJson.Write(made), progress);
            return made;
        }
    }

    /// <summary>Whether the whole had a knowledge base to rest on: one question that was given passages is enough.</summary>
    private static string? Grounding(RoadmapOrder order, Analysis analysis, Design design, IReadOnlyList<ConceptContent> contents)
    {
        if (order.KbId is null)
            return null;
        if (design.MadeBy != Makers.Model)
            return GroundingStatus.NotUsed;
        var each = contents.Select(content => content.Grounding).Append(analysis.Grounding).Append(design.Grounding).ToHashSet();
        return each.Contains(GroundingStatus.Found) ? GroundingStatus.Found
            : each.Contains(GroundingStatus.Unavailable) ? GroundingStatus.Unavailable : GroundingStatus.NothingFound;
    }

    /// <summary>
    /// What a model makes; or null, and why, where it cannot be used, or cannot be asked at the last attempt. At an earlier attempt
    /// the stage fails, and is retried later.
    /// </summary>
    private static async Task<(T? Made, string Because)> TryAsync<T>(JobContext job, RoadmapOrder order, Func<Task<T?>> ask) where T : class
    {
        try
        {
            return (await ask(), Words.For(order).ModelUnusable);
        }
        catch (ModelException) when (job.IsLastAttempt)
        {
            return (null, Words.For(order).ModelAway);
        }
    }

    private static Design FromCatalogue(RoadmapOrder order, string because)
    {
        var analysis = CataloguePlanner.Analyse(order, because);
        var design = CataloguePlanner.Design(order, analysis);
        return design with { Notes = [.. analysis.Notes, .. design.Notes] };
    }
}
