using System.Globalization;
using Lyceum.Contracts;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Models;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.Text;
using Microsoft.Extensions.Options;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary>
/// Collaborations as a kind of job: each turn of a role is a stage (<c>turn_1</c>, <c>turn_2</c>, …), and <c>conclude</c> makes the
/// result of them. So a turn that was finished is never taken again, whatever dies.
/// <para>
/// Where no language model is connected the roles say so, once each, and the result is what the engine's built-in answerer finds,
/// quoted and cited. A connected model that fails is retried; then the task fails, and a retry goes on behind the last turn.
/// </para>
/// </summary>
public sealed class CollabKind(
    ILanguageModel model, Dialogues dialogues, Grounder grounder, IHints hints, IOptions<CollabOptions> options) : IJobKind
{
    public const string KindName = "collab";
    public const string Conclude = "conclude";
    private const string TurnPrefix = "turn_";

    public string Name => KindName;
    public string FirstStage => TurnStage(1);
    public TimeSpan Timeout => options.Value.Timeout;

    public static string TurnStage(int turn) => string.Create(CultureInfo.InvariantCulture, $"{TurnPrefix}{turn}");

    /// <returns>The number of the turn; null for a stage that is none.</returns>
    public static int? TurnOf(string stage) =>
        stage.StartsWith(TurnPrefix, StringComparison.Ordinal) ? int.Parse(stage.AsSpan(TurnPrefix.Length), CultureInfo.InvariantCulture) : null;

    public void OnChanged(JobChange change)
    {
        if (change is { Status: JobStatus.Queued })
            hints.Publish(new ExecuteCollab(change.TaskId));
        hints.Publish(new CollabStatusChanged(
            change.TaskId, change.Tenant, change.Subject, CollabStatus.Of(change.Status), change.Stage, change.Progress, change.Seq));
    }

    public async Task<StageResult> RunAsync(JobContext job, string stage, CancellationToken cancellationToken)
    {
        var order = JobJson.Read<CollabOrder>(job.Input);
        try
        {
            if (TurnOf(stage) is { } turn)
                return await TurnAsync(job, order, turn, cancellationToken);
            if (stage == Conclude)
                return new(JobJson.Write(await ConcludeAsync(job, order, cancellationToken)), null, 100);
        }
        catch (ModelException e) when (job.IsLastAttempt)
        {
            throw new JobFailedException(ErrorCodes.UpstreamFailed, $"The model could not be asked: {e.Message}");
        }
        throw new JobFailedException(ErrorCodes.Internal, $"This version of the worker has no stage {stage}.");
    }

    private async Task<StageResult> TurnAsync(JobContext job, CollabOrder order, int number, CancellationToken cancellationToken)
    {
        var role = order.RoleOf(number);
        CollabTurn turn;
        if (await model.IsConnectedAsync(job.Tenant, job.Subject, cancellationToken))
        {
            var before = TurnsBefore(job, number);
            var shelf = await GroundAsync(job, order, before, cancellationToken);
            var said = await AskAsync(job, Roles.Turn(order, number, before), shelf, cancellationToken);
            turn = new(number, order.RoundOf(number), role.Name, said.Text, Writers.Model, said.IsCut, said.Sources);
        }
        else
        {
            turn = new(number, order.RoundOf(number), role.Name, Unconnected.Turn(order, role), Writers.None, IsCut: false);
        }
        // Further rounds of roles that cannot speak would be the same words again.
        var isLast = number == order.Turns || (turn.MadeBy == Writers.None && number % order.Roles.Count == 0);
        return new(JobJson.Write(turn), isLast ? Conclude : TurnStage(number + 1), 100 * number / (order.Turns + 1));
    }

    private async Task<CollabResult> ConcludeAsync(JobContext job, CollabOrder order, CancellationToken cancellationToken)
    {
        var turns = TurnsBefore(job, order.Turns + 1);
        var connected = await model.IsConnectedAsync(job.Tenant, job.Subject, cancellationToken);
        // Who has connected a model meanwhile gets its answer, from whatever was said.
        var said = turns.Where(turn => turn.MadeBy == Writers.Model).ToList();
        // The built-in answerer numbers what it is given from 1, and does not read what was said.
        var shelf = await GroundAsync(job, order, connected ? said : [], cancellationToken);
        var result = await AskAsync(job, connected ? Roles.Conclusion(order, said) : Roles.Search(order), shelf, cancellationToken);
        return new(result.Text, connected ? Writers.Model : Writers.Primer, result.IsCut, result.Sources, shelf?.Status);
    }

    /// <summary>What is said in one turn may be cited in the next: a passage that was cited keeps its number.</summary>
    private Task<Shelf?> GroundAsync(JobContext job, CollabOrder order, IEnumerable<CollabTurn> before, CancellationToken cancellationToken) =>
        grounder.GroundAsync(job, order.KbId, "", order.Task, before.SelectMany(turn => turn.Sources ?? []), cancellationToken);

    private static List<CollabTurn> TurnsBefore(JobContext job, int number)
    {
        var turns = new List<CollabTurn>();
        for (var before = 1; before < number && job.HasResult(TurnStage(before)); before++)
            turns.Add(job.Result<CollabTurn>(TurnStage(before)));
        return turns;
    }

    /// <exception cref="ModelException">It cannot be asked, or says nothing.</exception>
    private async Task<Said> AskAsync(JobContext job, ModelQuestion question, Shelf? shelf, CancellationToken cancellationToken)
    {
        var dialogue = dialogues.Begin(job, question with { Shelf = shelf, Functions = question.Shape is null ? [] : grounder.Functions(job, shelf) });
        var reply = await dialogue.AskAsync([], cancellationToken);
        var contribution = question.Shape is null ? new(ContributionReader.WithoutThoughts(reply.Text)) : ContributionReader.Read(reply.Text);
        if (contribution is null)
        {
            // Corrected once; an answer that is still another object is taken as text.
            reply = await dialogue.AskAsync(ModelJson.Correction(reply.Text, ["It must have the member text, which is not empty."]), cancellationToken);
            contribution = ContributionReader.Read(reply.Text) ?? new(ContributionReader.WithoutThoughts(reply.Text));
        }
        if (contribution.Text.Length == 0)
            throw new ModelException("The model's answer is empty.");
        var sources = shelf?.Cited([.. contribution.Sources ?? [], .. CitedNumbers.In(contribution.Text, shelf.Last)]);
        return new(contribution.Text, reply.IsCut, sources);
    }

    private sealed record Said(string Text, bool IsCut, IReadOnlyList<Source>? Sources);
}
