using System.Collections.Concurrent;
using Lyceum.Tests.RoadmapWorker.Tests.Models;

namespace Lyceum.Tests.RoadmapWorker.Tests.Collabs;

/// <summary>
/// A model that says whose words it speaks, and can be held or broken at a turn. Whose turn it is it reads from what it is asked:
/// <c>planner 1</c> is the planner's in the first round, then <c>result</c>; without a model it is <c>search</c>.
/// </summary>
public sealed class SpeakingModel : FakeModel
{
    public bool Connected { get; set; } = true;

    /// <summary>Before each answer; the number counts the questions of that turn, from 1.</summary>
    public Func<string, int, CancellationToken, Task>? Before { get; set; }

    public ConcurrentQueue<(string Turn, FakeQuestion Question)> Asked { get; } = new();

    public IEnumerable<string> Turns => Asked.Select(asked => asked.Turn);

    public override Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken) => Task.FromResult(Connected);

    public override async Task<FakeReply> AskAsync(FakeQuestion question, string tenant, string subject, CancellationToken cancellationToken)
    {
        var turn = TurnOf(question);
        Asked.Enqueue((turn, question));
        if (Before is not null)
            await Before(turn, Turns.Count(asked => asked == turn), cancellationToken);
        return new FakeReply($"<think>hm</think>\nI speak as {turn}.", 100, 50, IsCut: turn.StartsWith("tutor"));
    }

    private static string TurnOf(FakeQuestion question)
    {
        var text = question.Messages[^1].Content;
        if (question.Messages is [_])
            return "search";
        if (text.EndsWith("Write the result now."))
            return "result";
        var words = text.Split("It is your turn, ")[1].Split(' ', '(', ')');
        return $"{words[0]} {words[3]}";
    }
}
