using System.Collections.Concurrent;
using System.Text.Json;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.Tests.RoadmapWorker.Tests.Models;

namespace Lyceum.Tests.RoadmapWorker.Tests.Roadmaps;

/// <summary>
/// A model whose good answers fit any order, and which can be told to break them. What it is asked is told apart by what the
/// prompts ask for.
/// </summary>
public sealed class ScriptedModel : FakeModel
{
    public bool Connected { get; set; } = true;

    /// <summary>Changes the answer to a stage's question; the number counts the questions of that stage, from 1.</summary>
    public Func<string, int, string, string>? Bends { get; set; }

    public ConcurrentQueue<(string Stage, IReadOnlyList<FakeMessage> Messages)> Asked { get; } = new();

    public override Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken) => Task.FromResult(Connected);

    public override Task<FakeReply> AskAsync(FakeQuestion question, string tenant, string subject, CancellationToken cancellationToken)
    {
        var prompt = question.Messages[1].Content;
        var stage = StageOf(prompt);
        Asked.Enqueue((stage, [.. question.Messages])); // the list goes on to change
        var answer = Good(stage, prompt);
        answer = Bends?.Invoke(stage, Asked.Count(asked => asked.Stage == stage), answer) ?? answer;
        return Task.FromResult(new FakeReply(answer, 100, 50));
    }

    public static string StageOf(string question) =>
        question.Contains("\"activities\"") ? "write" : question.Contains("\"modules\"") ? "design" : "analyse";

    public static string Good(string stage, string question)
    {
        var zh = question.Contains("简体中文");
        return JsonSerializer.Serialize(stage switch
        {
            "analyse" => new { title = zh ? "学习路线" : "The way", goal = zh ? "能够独立完成" : "To do it alone" },
            "design" => new { modules = new[] { Module(1), Module(2) } },
            _ => (object)new
            {
                activities = LearningStyles.All.Select(style => new { style, text = zh ? "动手试一试" : "Try it" }),
                resources = new[] { new { title = zh ? "入门书" : "A book", kind = "book", search = "a book" } },
                quiz = new[] { new { question = zh ? "为什么?" : "Why?", options = new[] { zh ? "因为" : "Because", zh ? "不知道" : "No idea" }, answer = 0, explanation = "…" } },
            },
        });

        object Module(int number) => new
        {
            id = $"m{number}", title = zh ? $"第 {number} 部分" : $"Part {number}",
            concepts = Enumerable.Range(1, 3).Select(i => new
            {
                id = $"c{number}{i}", title = zh ? $"概念 {number}.{i}" : $"Concept {number}.{i}", summary = zh ? "说明它是什么" : "What it is", hours = 3.25,
                prerequisites = i > 1 ? new[] { $"c{number}{i - 1}" } : number > 1 ? ["c13"] : [],
            }),
        };
    }
}
