using System.Data.Common;
using System.Net.Sockets;
using System.Text;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>Why the database did not do what it was asked, which decides what is done next.</summary>
public enum DatabaseFailure
{
    /// <summary>Connection, server or time: it passes by itself. The commit may or may not be in.</summary>
    Connection,

    /// <summary>A value was refused for itself, at every attempt: what it belongs to fails, and nothing else.</summary>
    Data,

    /// <summary>
    /// Schema, rights, password or name of the database do not fit this program: everything is kept and retried until
    /// an operator has mended it.
    /// </summary>
    Deployment,

    /// <summary>None of these; a mistake of the program among them. Kept and retried.</summary>
    Unknown,
}

/// <summary>The one place that classifies failures of the database, by SQLSTATE.</summary>
public static class DatabaseFailures
{
    /// <summary>SQLSTATE with which the database refuses a row of a person who was deleted.</summary>
    public const string PersonErased = "23L01";

    public static DatabaseFailure Of(Exception exception) => Find(exception) ?? (exception switch
    {
        IOException or SocketException => DatabaseFailure.Connection,
        _ => DatabaseFailure.Unknown,
    });

    /// <summary>Null: no database and no time limit had a part in it.</summary>
    public static DatabaseFailure? Find(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            switch (exception)
            {
                case DbException { SqlState: { Length: 5 } state }:
                    return OfState(state);
                // Without a code it never came to an answer: a broken socket, an exhausted pool, "No suitable host
                // was found" while a standby is being promoted.
                case DbException or TimeoutException:
                    return DatabaseFailure.Connection;
                // Half of a surrogate pair has no UTF-8: the driver refuses it before it sends anything.
                case EncoderFallbackException:
                    return DatabaseFailure.Data;
            }
        }
        return null;
    }

    /// <summary>The SQLSTATE that the database answered with; null: it did not answer.</summary>
    public static string? SqlState(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is DbException { SqlState: { } state })
                return state;
        }
        return null;
    }

    /// <remarks>Appendix A of PostgreSQL's manual; the first two characters are the class.</remarks>
    private static DatabaseFailure OfState(string state) => state[..2] switch
    {
        // Connection, rollback (serialization, deadlock), resources, prerequisite state (locks), intervention.
        "08" or "40" or "53" or "55" or "57" => DatabaseFailure.Connection,
        // A read-only transaction: the connection is to what is a standby now. A transaction that idled too long.
        "25" when state is "25006" or "25P03" or "25P04" => DatabaseFailure.Connection,
        // Data exception, integrity constraint violation, program limit exceeded.
        "22" or "23" or "54" => DatabaseFailure.Data,
        // Not supported, authorization, no such database, schema, configuration, syntax or access rule.
        "0A" or "28" or "3D" or "3F" or "42" or "F0" => DatabaseFailure.Deployment,
        _ => DatabaseFailure.Unknown,
    };
}
