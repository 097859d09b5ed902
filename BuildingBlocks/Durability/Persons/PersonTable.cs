namespace Lyceum.Durability.Persons;

/// <summary>What becomes of a person's rows when the person is erased.</summary>
public enum AtErasure
{
    /// <summary>They are deleted.</summary>
    Delete,

    /// <summary>They go with rows of another table (a foreign key that cascades).</summary>
    Cascade,

    /// <summary>They are others' too: they stay without the name.</summary>
    Unname,
}

/// <summary>Where a service keeps something of persons: for its erasure, and for its export.</summary>
/// <param name="Name">The table.</param>
/// <param name="Where">Which rows are the person's, <c>$1</c> being the tenant and <c>$2</c> the person, both text.</param>
/// <param name="AtErasure">What becomes of them.</param>
public sealed record PersonTable(string Name, string Where, AtErasure AtErasure)
{
    /// <summary>The column that names the person; null where <see cref="Where"/> says it otherwise.</summary>
    public string? Column { get; init; }

    /// <summary>Of rows that stay: what is set so that they name nobody; null: <see cref="Column"/> becomes empty.</summary>
    public string? Unnamed { get; init; }

    /// <summary>Rows that one statement deletes: few, where others go with them.</summary>
    public int Batch { get; init; } = 500;

    /// <summary>Columns that an export leaves out: secrets, and what only the machinery reads.</summary>
    public IReadOnlyList<string> Unexported { get; init; } = [];

    /// <summary>Whether an export has these rows.</summary>
    public bool IsExported { get; init; } = true;

    /// <summary>Rows of their own: deleted.</summary>
    /// <param name="name">The table.</param>
    /// <param name="column">The column that names the person.</param>
    /// <param name="batch">Rows of one statement.</param>
    public static PersonTable Own(string name, string column, int batch = 500) =>
        new(name, $"tenant = $1 AND {column} = $2", AtErasure.Delete) { Column = column, Batch = batch };

    /// <summary>Rows that belong to rows of their own, and go with them.</summary>
    public static PersonTable Below(string name, string key, string parent, string parentKey, string parentWhere) =>
        new(name, $"{key} IN (SELECT {parentKey} FROM {parent} WHERE {parentWhere})", AtErasure.Cascade);

    /// <summary>What the person is told of changes (<c>Events</c>).</summary>
    public static IReadOnlyList<PersonTable> Events { get; } =
    [
        Own("person_events", "person") with { IsExported = false },
        Own("person_event_heads", "person") with { IsExported = false },
    ];

    /// <summary>Rows of the tenant that say who made them: they stay, and say so no more.</summary>
    public static PersonTable Naming(string name, string column) =>
        new(name, $"tenant = $1 AND {column} = $2", AtErasure.Unname) { Column = column, IsExported = false };
}

/// <summary>
/// All tables in which a service keeps something of persons, in the order they are erased. A table with a tenant and a
/// person that is not here fails a test.
/// </summary>
public sealed class PersonTables(params IReadOnlyList<PersonTable> tables)
{
    public IReadOnlyList<PersonTable> All { get; } = tables;
}
