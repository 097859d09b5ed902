using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// Leaky buckets of failed sign-ins, by account and by address, in Postgres: one count over all replicas. A place is taken
/// before the password is checked and given back when it was right, so that attempts at the same moment count too.
/// </summary>
internal sealed class AttemptLimit(NpgsqlDataSource source, IOptions<AccountOptions> options)
{
    /// <summary>
    /// Attempts that are being checked at the same moment in this process. Further ones wait: a place counts as a failure
    /// until the attempt turns out right, and a class that signs in from one address would use them up.
    /// </summary>
    public const int AtOnce = 16;

    private static readonly ShareOptions Whole = new() { Person = 1, Tenant = 1 };
    private readonly SharedBound _turns = new(AtOnce, Whole);

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

    /// <summary>
    /// Rejects an attempt whose account or address has no place left, without taking one: a flood is turned away before it
    /// waits for anything.
    /// </summary>
    /// <exception cref="ProblemException">429 <c>too_many_attempts</c>.</exception>
    public async Task ThrowIfFullAsync(string? username, IPAddress? address, CancellationToken cancellationToken)
    {
        if (Key(address) is { } key)
            await ThrowIfFullAsync(
                key, options.Value.AddressForgiveness, options.Value.AddressAttempts, "from your address", cancellationToken);
        if (username is not null)
            await ThrowIfFullAsync(
                Key(username), options.Value.AccountForgiveness, options.Value.AccountAttempts, "for this account", cancellationToken);
    }

    /// <summary>A turn to be checked; turns go around among addresses.</summary>
    public ValueTask<SharedBound.Held> TurnAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        var from = From(address);
        return _turns.TakeAsync(new Sharer(from, from), cancellationToken);
    }

    /// <summary>Counts an account made without a code, which stays counted.</summary>
    /// <exception cref="ProblemException">429 <c>too_many_attempts</c>.</exception>
    public async Task TakeRegistrationAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        if (Key(address) is { } key)
            await TakeAsync($"register:{key}", options.Value.AddressForgiveness, options.Value.AddressRegistrations,
                "to register from your address", cancellationToken);
    }

    /// <summary>The address, as what its requests have in common.</summary>
    public static string From(IPAddress? address) => Key(address) ?? "loopback";

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
        if (await Transient.RetryOnceAsync(_ => RunAsync(
            Take, key, forgiveness, most, command => command.ExecuteNonQueryAsync(cancellationToken))) > 0)
            return;
        throw TooMany(whose, await WaitAsync(key, forgiveness, most, cancellationToken) ?? 1);
    }

    private async Task ThrowIfFullAsync(
        string key, TimeSpan forgiveness, int most, string whose, CancellationToken cancellationToken)
    {
        var seconds = await Transient.RetryOnceAsync(_ => WaitAsync(key, forgiveness, most, cancellationToken));
        if (seconds > 0)
            throw TooMany(whose, seconds.Value);
    }

    private async Task<double?> WaitAsync(string key, TimeSpan forgiveness, int most, CancellationToken cancellationToken) =>
        await RunAsync(
            SecondsToWait, key, forgiveness, most, command => command.ExecuteScalarAsync(cancellationToken)) as double?;

    private static ProblemException TooMany(string whose, double seconds)
    {
        var wait = TimeSpan.FromSeconds(Math.Ceiling(Math.Max(1, seconds)));
        return new ProblemException(StatusCodes.Status429TooManyRequests, ErrorCodes.TooManyAttempts, string.Create(
            CultureInfo.InvariantCulture, $"Too many failed attempts {whose}. Try again in {wait.TotalSeconds:0} seconds."), wait);
    }

    private async Task<T> RunAsync<T>(
        string sql, string key, TimeSpan forgiveness, int most, Func<NpgsqlCommand, Task<T>> run)
    {
        await using var command = source.CreateCommand(sql);
        command.Parameters.Add(new() { Value = key });
        command.Parameters.Add(new() { Value = forgiveness.TotalSeconds });
        command.Parameters.Add(new() { Value = (double)most });
        return await run(command);
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
