using Microsoft.EntityFrameworkCore;

namespace Lyceum.Durability.Persons;

/// <summary>
/// A tombstone (table <c>erased_persons</c>): this person was deleted, and what comes late of theirs is refused or
/// dropped. It names nothing but the ids, and stays.
/// </summary>
public sealed class ErasedPerson
{
    public required string Tenant { get; init; }

    /// <summary>The <c>sub</c> of their identity.</summary>
    public required string Person { get; init; }

    public DateTimeOffset At { get; init; }

    /// <summary>
    /// The transaction that made the tombstone. When every one that was running then is over, nobody can write any more
    /// who has not seen it.
    /// </summary>
    public long Barrier { get; init; }
}

public static class ErasedPersons
{
    /// <summary>SQLSTATE of the guard's refusal; of class 23, so that writers take it for a failure of the data.</summary>
    public const string Refused = ServiceDefaults.Errors.DatabaseFailures.PersonErased;

    /// <summary>Adds the table; call before <c>UseSnakeCaseNames</c>.</summary>
    public static void AddErasedPersons(this ModelBuilder model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.Entity<ErasedPerson>(erased =>
        {
            erased.ToTable("erased_persons");
            erased.HasKey(e => new { e.Tenant, e.Person });
        });
    }
}
