namespace Lyceum.Durability.Persons;

/// <summary>What of a person's is shared with classes: it stays, as somebody else's.</summary>
/// <param name="Heir">Who has it from now on: another owner of the tenant; null: nobody is left, and it goes too.</param>
/// <param name="Shared">What it is.</param>
public sealed record Inheritance(string? Heir, IReadOnlyList<SharedThing> Shared)
{
    public static readonly Inheritance None = new(null, []);

    /// <summary>The ids of one kind.</summary>
    public string[] Of(string kind) => [.. Shared.Where(thing => thing.Kind == kind).Select(thing => thing.Id)];
}

/// <param name="Kind"><c>tutor | roadmap | practice_set</c></param>
public sealed record SharedThing(string Kind, string Id);

/// <summary>What a service does for a person at this moment, which ends before their rows are deleted.</summary>
public interface IPersonalWork
{
    /// <summary>How long the deletion waits for the end of it.</summary>
    TimeSpan Patience { get; }

    /// <summary>Asks for the end of all of it; idempotent.</summary>
    /// <returns>Whether nothing of it is going on any more.</returns>
    Task<bool> StopAsync(string tenant, string person, CancellationToken cancellationToken);

    /// <summary>Before the rows are deleted: what is shared becomes the heir's; idempotent.</summary>
    Task PassOnAsync(string tenant, string person, Inheritance inheritance, CancellationToken cancellationToken) =>
        Task.CompletedTask;

    /// <summary>After the rows are gone and no transaction runs that has seen them: what has no person's column.</summary>
    Task CleanAsync(string tenant, string person, CancellationToken cancellationToken) => Task.CompletedTask;
}
