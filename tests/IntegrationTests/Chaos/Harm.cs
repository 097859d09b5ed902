namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>What is done to a process.</summary>
public enum Blow
{
    /// <summary>SIGKILL of the process.</summary>
    Kill,

    /// <summary>SIGKILL of the process and of what it started: a server and the script that runs it, at once.</summary>
    KillAll,

    /// <summary>SIGQUIT of the server below its script: for Postgres an immediate shutdown.</summary>
    Quit,

    /// <summary>SIGTERM: an orderly end.</summary>
    Terminate,

    /// <summary>SIGSTOP until the lease (3 s) has run out, then SIGCONT: a zombie comes back.</summary>
    Pause,
}

/// <summary>One thing that may go wrong. Dropped sockets are not in the table: they happen in every round (<see cref="Tab"/>).</summary>
/// <param name="Kind">Its name in the figures.</param>
/// <param name="Targets">Resources, all struck at once.</param>
public sealed record Harm(string Kind, Blow Blow, params string[] Targets)
{
    public static readonly Harm[] Table =
    [
        new("kill chat-api", Blow.Kill, "chat-api"),
        new("kill chat-api", Blow.Kill, "chat-api-2"),
        new("kill every chat-api", Blow.Kill, "chat-api", "chat-api-2"),
        new("kill chat-api and engine", Blow.Kill, "chat-api", "gpu-engine"),
        new("kill chat-api and engine", Blow.Kill, "chat-api-2", "gpu-engine-2"),
        new("stop chat-api", Blow.Terminate, "chat-api"),
        new("stop chat-api", Blow.Terminate, "chat-api-2"),
        new("pause chat-api", Blow.Pause, "chat-api"),
        new("pause chat-api", Blow.Pause, "chat-api-2"),
        new("kill engine", Blow.Kill, "gpu-engine"),
        new("kill engine", Blow.Kill, "gpu-engine-2"),
        new("kill gateway", Blow.Kill, "gateway"),
        new("kill broker", Blow.KillAll, "messaging"),
        new("kill postgres", Blow.KillAll, "postgres"),
        new("restart postgres", Blow.Quit, "postgres"),
    ];

    /// <summary>
    /// Strikes now; returns when a paused process goes on. What is meant for the second engine strikes the only one where there
    /// is one.
    /// </summary>
    /// <returns>The targets that were there to be struck.</returns>
    public async Task<string[]> StrikeAsync(SharedSystem system, Random random, CancellationToken cancellationToken)
    {
        var struck = Targets
            .Select(target => target == "gpu-engine-2" && system.Engines.Count == 1 ? "gpu-engine" : target)
            .SelectMany(target => Victims(system.Processes(target)), (target, pid) => (Target: target, Pid: pid))
            .Where(victim => system.SignalPid(victim.Pid, SignalName)).ToArray();
        if (Blow == Blow.Pause)
        {
            try
            {
                await Task.Delay(random.Next(3500, 5500), cancellationToken);
            }
            finally
            {
                foreach (var (_, pid) in struck)
                    system.SignalPid(pid, "CONT");
            }
        }
        return [.. struck.Select(victim => victim.Target).Distinct()];
    }

    private string SignalName => Blow switch
    {
        Blow.Quit => "QUIT",
        Blow.Terminate => "TERM",
        Blow.Pause => "STOP",
        _ => "KILL",
    };

    private IEnumerable<int> Victims(int[] processes) => Blow switch
    {
        Blow.KillAll => processes,
        Blow.Quit => processes.Skip(1),
        _ => processes.Take(1),
    };
}
