using System.Net.Sockets;
using Npgsql;

namespace Lyceum.Doctor.Parts;

/// <summary>The databases that are known, each asked on a connection of its own: what a pool keeps says nothing of the server now.</summary>
internal sealed class Databases(IReadOnlyDictionary<string, string> strings)
{
    private const int Seconds = 4; // to connect, and for a statement

    public IReadOnlyList<string> Names { get; } = [.. strings.Keys.Order(StringComparer.Ordinal)];

    public string Of(string name) => strings[name];

    /// <summary>Opens a connection with the settings that services have, but for their pool.</summary>
    public async Task<NpgsqlConnection> OpenAsync(string name, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(strings[name])
        {
            Pooling = false, Timeout = Seconds, CommandTimeout = Seconds, ApplicationName = "lyceum doctor", KeepAlive = 0,
        };
        settings.Remove("Minimum Pool Size");
        settings.Remove("Maximum Pool Size");
        // Of several servers the one that takes writes; one that does not is better than none, and is told of.
        if (settings.Host?.Contains(',', StringComparison.Ordinal) == true)
            settings.TargetSessionAttributes = "prefer-primary";
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks each of them. Those that answer the same are told together: <c>chatdb, sessiondb: …</c></summary>
    /// <param name="look">Null: all is well.</param>
    /// <returns>Null: all are well.</returns>
    public async Task<string?> FaultsAsync(
        Func<string, NpgsqlConnection, CancellationToken, Task<string?>> look, CancellationToken cancellationToken)
    {
        var faults = await Task.WhenAll(Names.Select(LookAsync));
        return Told.Together(Names.Zip(faults).Where(fault => fault.Second is not null).Select(fault => (fault.First, fault.Second!)));

        async Task<string?> LookAsync(string name)
        {
            try
            {
                await using var connection = await OpenAsync(name, cancellationToken);
                return await look(name, connection, cancellationToken);
            }
            catch (NpgsqlException e)
            {
                return Describe(e);
            }
        }
    }

    /// <summary>One line, with SQLSTATE where the server answered. Npgsql's messages have no passwords.</summary>
    public static string Describe(NpgsqlException e) => e switch
    {
        PostgresException answer => $"{answer.MessageText} (SQLSTATE {answer.SqlState})",
        { InnerException: SocketException or TimeoutException or IOException } => $"{e.Message.TrimEnd('.')}: {e.InnerException.Message}",
        _ => e.Message,
    };

    /// <summary>The first row of an answer.</summary>
    public static async Task<object[]> RowAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
            return [];
        var row = new object[reader.FieldCount];
        reader.GetValues(row);
        return row;
    }

    public static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
