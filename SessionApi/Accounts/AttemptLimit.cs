using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// Leaky buckets of failed sign-ins, by account and by address, in Postgres: one count over all replicas. A place is taken
/// before the password is checked and given back when it was right, so that attempts at the same moment count too.
/// </summary>
internal sealed class AttemptLimit(NpgsqlDataSource source, IOptions<AccountOptions> options)
{
    // The WHERE sees the row as the last of simultaneous attempts left it: exactly as many get through as there are places.
    private const string Take =
        """
        INSERT INTO failed_attempts AS a (key, level, updated_at) VALUES ($1, 1, clock_timestamp())
        ON CONFLICT (key) DO UPDATE SET updated_at = clock_timestamp(),
            level = 1 + GREATEST(0, a.level - EXTRACT(EPOCH FROM clock_timestamp() - a.updated_at)::float8 / $2)
        WHERE 1 + GREATEST(0, a.level - EXTRACT(EPOCH FROM clock_timestamp() - a.updated_at)::float8 / $2) <= $3
        """;

    private const string SecondsToWait =
        "SELECT (level + 1 - $3) * $2 - EXTRACT(EPOCH FROM clock_timestamp() - updated_at)::float8 FROM failed_attempts WHERE key = $1";

    private const string Forgive = "UPDATE failed_attempts SET level = GREATEST(0, level - 1) WHERE key = $1";

    /// <exception cref="ProblemException">429 <c>too_many_attempts</c>, with the time until the next one is let through.</exception>
    public async Task TakeAsync(string username, IPAddress? address, CancellationToken cancellationToken)
    {
        await TakeAsync(address, cancellationToken);
        await TakeAsync(
            Key(username), options.Value.AccountForgiveness, options.Value.AccountAttempts, "for this account", cancellationToken);
    }

    /// <summary>The address alone, where there is no account to count for.</summary>
    public async Task TakeAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        if (Key(address) is { } key)
            await TakeAsync(key, options.Value.AddressForgiveness, options.Value.AddressAttempts, "from your address", cancellationToken);
    }

    /// <summary>The password was right: the account's failures are forgotten, the address has its place back.</summary>
    public async Task GiveBackAsync(string username, IPAddress? address, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        batch.BatchCommands.Add(new("DELETE FROM failed_attempts WHERE key = $1") { Parameters = { new() { Value = Key(username) } } });
        if (Key(address) is { } key)
        {
            batch.BatchCommands.Add(new(Forgive) { Parameters = { new() { Value = key } } });
        }
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The address alone.</summary>
    public async Task GiveBackAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        if (Key(address) is not { } key)
            return;
        await using var command = source.CreateCommand(Forgive);
        command.Parameters.Add(new() { Value = key });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task TakeAsync(string key, TimeSpan forgiveness, int most, string whose, CancellationToken cancellationToken)
    {
        // A repetition may count an attempt twice, which does no harm.
        if (await Transient.RetryOnceAsync(_ => RunAsync(Take, command => command.ExecuteNonQueryAsync(cancellationToken))) > 0)
            return;
        var seconds = await RunAsync(SecondsToWait, command => command.ExecuteScalarAsync(cancellationToken)) as double? ?? 1;
        var wait = TimeSpan.FromSeconds(Math.Ceiling(Math.Max(1, seconds)));
        throw new ProblemException(StatusCodes.Status429TooManyRequests, ErrorCodes.TooManyAttempts, string.Create(
            CultureInfo.InvariantCulture, $"Too many failed attempts {whose}. Try again in {wait.TotalSeconds:0} seconds."), wait);

        async Task<T> RunAsync<T>(string sql, Func<NpgsqlCommand, Task<T>> run)
        {
            await using var command = source.CreateCommand(sql);
            command.Parameters.Add(new() { Value = key });
            command.Parameters.Add(new() { Value = forgiveness.TotalSeconds });
            command.Parameters.Add(new() { Value = (double)most });
            return await run(command);
        }
    }

    private static string Key(string username) => $"account:{Convert.ToHexStringLower(Secret.Hash(username))}";

    /// <summary>
    /// Null for loopback: who is on this machine shares it, and so do all who come through a proxy here that tells the gateway
    /// nothing of them. An IPv6 host has a whole /64 to change its address in.
    /// </summary>
    private static string? Key(IPAddress? address)
    {
        if (address is null || IPAddress.IsLoopback(address))
            return null;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? $"address:{Convert.ToHexStringLower(address.GetAddressBytes().AsSpan(0, 8))}"
            : $"address:{address}";
    }
}
