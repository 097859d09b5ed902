using System.Text;
using Aspire.Hosting.Testing;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>What must be true of every answer after a round, whatever was done to the system meanwhile.</summary>
public static class Audit
{
    private static readonly TimeSpan QuietWithin = TimeSpan.FromSeconds(10);

    /// <param name="struck">Resources that were struck in the round.</param>
    /// <param name="same">All answers to the same question, this one among them.</param>
    /// <returns>UTF-8 bytes that a reader was shown and that are not stored.</returns>
    public static long Answer(SharedSystem system, Question question, Stored stored, IReadOnlySet<string> struck, IReadOnlyList<Stored> same)
    {
        var lost = 0L;
        foreach (var tab in question.Tabs)
        {
            lost += Lost(tab.Seen, stored.Content);
            if (tab.End is { } end && (end != stored.Status || tab.Seen != stored.Content))
                Finding($"a reader was told {end} after {tab.Cursor} bytes");
        }
        if (lost > 0)
            Finding($"{lost} bytes shown are not stored");
        if (!question.Known.StartsWith(stored.Content, StringComparison.Ordinal))
            Finding($"stored text is not the model's: {stored.Content}");
        if (stored.Status == "complete" && stored.Content != question.Known)
            Finding("complete without the whole text");
        if (stored.Status == "failed" && stored.Content.Length > 0)
            Finding("failed, although there is text");
        if (question.Stop is { } stop && (stop.Saved != Encoding.UTF8.GetByteCount(stored.Content) || stop.Saved < stop.SeenBefore))
            Finding($"stop said {stop.Saved} bytes, {stop.SeenBefore} had been seen");

        var enginesStruck = system.Engines.Count(struck.Contains);
        var engineSpared = !system.Engines.Any(engine =>
            struck.Contains(engine) && system.App.GetEndpoint(engine, "http").Port == stored.Engine.Port);
        // Put once more only where an engine was lost before it had said anything.
        var requests = system.Stub.Log.Requests.Count(r => r.LastUserMessage == question.Text);
        var stoppedBefore = same.Count(answer => answer is { Status: "stopped", Content: "" });
        if (enginesStruck == 0 ? requests > same.Count || requests < same.Count - stoppedBefore : requests > 2 * same.Count)
            Finding($"the model was asked {requests} times for {same.Count} answers");
        var expected = stored.Status switch
        {
            "complete" => true,
            "stopped" => question.AsksToStop,
            "interrupted" => !engineSpared || (question.StopsOnDisconnect && stored.FinishReason == "client_gone"),
            // An engine that cannot be asked is no reason while there is another.
            "failed" => enginesStruck == system.Engines.Count,
            _ => false,
        };
        if (!expected)
            Finding("nothing that happened explains this end");
        return lost;

        void Finding(string what) => question.Findings.Enqueue(
            $"{stored.Id} (seed {question.Seed}, {stored.Status}, {stored.FinishReason}, epoch {stored.Epoch}, {Encoding.UTF8.GetByteCount(stored.Content)} bytes stored): {what}");
    }

    private static int Lost(string seen, string stored)
    {
        var common = seen.AsSpan().CommonPrefixLength(stored);
        return Encoding.UTF8.GetByteCount(seen.AsSpan(common));
    }

    /// <summary>Waits until nothing runs any more, anywhere; what still does after ten seconds.</summary>
    public static async Task<string> StillRunningAsync(SharedSystem system, CancellationToken cancellationToken)
    {
        for (var until = DateTime.UtcNow + QuietWithin; ;)
        {
            var (running, leftovers) = await Stored.CountUnfinishedAsync(system, cancellationToken);
            List<(string What, double Count)> all = [("answers", running), ("chunks of ended answers", leftovers), ("stub", system.Stub.Log.Running)];
            foreach (var replica in SharedSystem.Replicas)
                all.Add((replica, await system.MetricAsync(replica, "lyceum_chat_generations_running", cancellationToken)));
            foreach (var engine in system.Engines)
                all.Add((engine, await system.MetricAsync(engine, "lyceum_engine_generations_running", cancellationToken)));
            var left = string.Join(", ", all.Where(entry => entry.Count != 0).Select(entry => $"{entry.What}: {entry.Count}"));
            if (left.Length == 0 || DateTime.UtcNow > until)
                return left;
            await Task.Delay(100, cancellationToken);
        }
    }
}
