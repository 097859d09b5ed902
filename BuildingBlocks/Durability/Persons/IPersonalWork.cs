namespace Lyceum.Durability.Persons;

/// <summary>What a service does for a person at this moment, which ends before their rows are deleted.</summary>
public interface IPersonalWork
{
    /// <summary>How long the deletion waits for the end of it.</summary>
    TimeSpan Patience { get; }

    /// <summary>Asks for the end of all of it; idempotent.</summary>
    /// <returns>Whether nothing of it is going on any more.</returns>
    Task<bool> StopAsync(string tenant, string person, CancellationToken cancellationToken);

    /// <summary>After the rows are gone and no transaction runs that has seen them: what has no person's column.</summary>
    Task CleanAsync(string tenant, string person, CancellationToken cancellationToken) => Task.CompletedTask;
}
