using Lyceum.RoadmapWorker.Knowledge;
using Microsoft.SemanticKernel;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>One question of a stage.</summary>
/// <param name="System">What the model is told of its part; null: nothing, not even of passages.</param>
/// <param name="Text">What it is asked.</param>
public sealed record ModelQuestion(string? System, string Text)
{
    /// <summary>Tells the questions of one stage apart; without control characters. It names the question's steps in the database.</summary>
    public string Key { get; init; } = "";

    /// <summary>What the answer is to look like; null: text.</summary>
    public AnswerShape? Shape { get; init; }

    /// <summary>Of the answer; null: as many as the model gives.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>What the answer is to rest on; null where the task names no knowledge base.</summary>
    public Shelf? Shelf { get; init; }

    /// <summary>What the model may call before it answers.</summary>
    public IReadOnlyList<KernelPlugin> Functions { get; init; } = [];
}

/// <param name="IsCut">Whether it ended at its limit of tokens.</param>
public sealed record ModelReply(string Text, bool IsCut);
