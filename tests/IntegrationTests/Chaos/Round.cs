using System.Collections.Concurrent;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>
/// One round: two dozen questions, a third of which go on with another one's conversation or branch off from it, two readers each
/// on average, one to three harms at random moments; then the audit.
/// </summary>
public sealed class Round(SharedSystem system, DateTime since, OwnerWatch watch, Random random)
{
    private const int Questions = 24;
    private const int MostReaders = 3;
    private const int MostHarms = 3;

    /// <summary>Answers take 5 s at most; the rest is for processes to come back on a busy machine.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan LongestOwnerless = TimeSpan.FromSeconds(10);

    private readonly List<Question> _questions = Ask(random);
    private readonly List<(Harm Harm, int AfterMs)> _planned =
        [.. random.GetItems(Harm.Table, random.Next(1, MostHarms + 1)).Select(harm => (harm, random.Next(300, 6000)))];
    private readonly ConcurrentBag<(Harm Harm, string Target)> _struck = [];

    public Figures Figures { get; } = new();

    /// <summary>What is wrong, in words; empty if nothing is.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>What is planned, to be printed with the findings.</summary>
    public string Plan => string.Join(", ", _planned.OrderBy(harm => harm.AfterMs).Select(p => $"{p.Harm.Kind} ({string.Join(" ", p.Harm.Targets)}) at {p.AfterMs} ms"));

    private static List<Question> Ask(Random random)
    {
        var questions = new List<Question>();
        while (questions.Count < Questions)
        {
            // Of a conversation the last one is gone on with, three times at most.
            var ends = questions.Where(question => !questions.Exists(other => other.After == question) && question.After?.After?.After is null)
                .ToArray();
            questions.Add(new Question(random, questions.Count > Questions / 2 && random.Next(3) > 0 ? random.GetItems(ends, 1)[0] : null));
        }
        return questions;
    }

    public async Task RunAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await system.UntilServingAsync(limit.Token);
            system.Stub.Log.Clear();
            await ReadAndHarmAsync(limit.Token);
            await system.UntilServingAsync(limit.Token);
            if (await Audit.StillRunningAsync(system, limit.Token) is { Length: > 0 } left)
                Findings.Add($"still running: {left}");
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            Findings.Add($"not over within {Limit}");
        }

        var stored = await Stored.ReadAllAsync(system, since, CancellationToken.None);
        foreach (var question in _questions)
        {
            if (stored.TryGetValue(question.MessageId, out var answer))
                Figures.Add(question, answer, Audit.Answer(
                    system, question, answer, _struck.Select(s => s.Target).ToHashSet(),
                    [.. _questions.Where(other => other.Text == question.Text).Select(other => stored.GetValueOrDefault(other.MessageId)).OfType<Stored>()]));
            else
                Findings.Add($"seed {question.Seed}: never answered");
            Findings.AddRange(question.Findings);
        }
        Findings.AddRange(await Branch.AuditAsync(system, _questions, CancellationToken.None));
        foreach (var (harm, _) in _struck)
            Figures.Add(harm.Kind);
        Figures.EndRound(watch.TakeWorst());
        if (Figures.WorstOwnerless.Attended > LongestOwnerless)
            Findings.Add($"an answer had no live owner for {Figures.WorstOwnerless.Attended}");
    }

    private async Task ReadAndHarmAsync(CancellationToken limit)
    {
        using var doors = system.OpenDoors();
        var all = new List<Task>();
        foreach (var question in _questions)
        {
            for (var tab = random.Next(MostReaders); tab >= 0; tab--)
                question.Tabs.Add(new Tab(question, asks: tab == 0, new Random(random.Next())));
            all.AddRange(question.Tabs.Select(tab => tab.ReadAsync(doors, limit)));
            if (question.AsksToStop)
                all.Add(question.StopAsync(doors, new Random(random.Next()), limit));
        }
        all.AddRange(_planned.Select(planned => StrikeAsync(planned.Harm, planned.AfterMs, new Random(random.Next()), limit)));
        await Task.WhenAll(all);
    }

    private async Task StrikeAsync(Harm harm, int afterMs, Random chance, CancellationToken limit)
    {
        await Task.Delay(afterMs, limit);
        foreach (var target in await harm.StrikeAsync(system, chance, limit))
            _struck.Add((harm, target));
    }
}
