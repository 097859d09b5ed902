using Npgsql;

namespace Lyceum.Durability.Commits;

/// <summary>Why an attempt to commit failed, which decides what is done next.</summary>
public enum CommitFailure
{
    /// <summary>Connection, server or time. The commit may or may not be in.</summary>
    Outage,

    /// <summary>Postgres rejected a value, so that the commit is not in: the other rows of the batch may go in
    /// without it.</summary>
    Data,

    /// <summary>A mistake in the program.</summary>
    Defect,
}

/// <summary>The one place where a failed commit is classified.</summary>
public static class CommitFailures
{
    public static CommitFailure Of(Exception exception) => exception switch
    {
        // Data exception, integrity constraint violation, program limit exceeded.
        PostgresException { SqlState: ['2', '2', ..] or ['2', '3', ..] or ['5', '4', ..] } => CommitFailure.Data,
        NpgsqlException or TimeoutException or IOException => CommitFailure.Outage,
        _ => CommitFailure.Defect,
    };
}
