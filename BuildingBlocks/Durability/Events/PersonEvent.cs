using Microsoft.EntityFrameworkCore;

namespace Lyceum.Durability.Events;

/// <summary>
/// Something of a person's changed (table <c>person_events</c>). Written by triggers (<see cref="PersonEventTriggers"/>), in
/// the change's own transaction, whatever statement makes it.
/// </summary>
public sealed class PersonEvent
{
    public required string Tenant { get; init; }
    public required string Person { get; init; }

    /// <summary>1, 2, 3, … of the person, without a gap; given out under the lock of their head.</summary>
    public long Number { get; init; }

    /// <summary>What happened, as <c>answer.ended</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>A JSON object: ids and states, no texts but titles.</summary>
    public required string Data { get; init; }

    public DateTimeOffset At { get; init; }
}

/// <summary>The number of a person's last event (table <c>person_event_heads</c>).</summary>
public sealed class PersonEventHead
{
    public required string Tenant { get; init; }
    public required string Person { get; init; }
    public long Number { get; init; }
}

public static class PersonEventTables
{
    /// <summary>Adds the tables; call before <c>UseSnakeCaseNames</c>.</summary>
    public static void AddPersonEvents(this ModelBuilder model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.Entity<PersonEvent>(happened =>
        {
            happened.ToTable("person_events");
            happened.HasKey(e => new { e.Tenant, e.Person, e.Number });
            happened.Property(e => e.Data).HasColumnType("jsonb");
            happened.HasIndex(e => e.At); // what the sweep forgets
        });
        model.Entity<PersonEventHead>(head =>
        {
            head.ToTable("person_event_heads");
            head.HasKey(h => new { h.Tenant, h.Person });
        });
    }
}
