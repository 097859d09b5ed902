using System.Net;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Guessing is slow, whatever is guessed, from wherever, on whichever replica.</summary>
public sealed class AttemptLimitTests(PostgresFixture postgres) : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "session-api");
    private TestSessions _first = null!;
    private TestSessions _second = null!;

    public async ValueTask InitializeAsync()
    {
        var database = await postgres.CreateDatabaseAsync();
        var settings = new Dictionary<string, string?>
        {
            ["Accounts:AccountForgiveness"] = "00:05:00", ["Accounts:AddressAttempts"] = "6", ["Accounts:AddressForgiveness"] = "00:05:00",
        };
        _first = await TestSessions.StartAsync(_identity, database, settings: settings);
        _second = await TestSessions.StartAsync(_identity, database, settings: settings);
    }

    public async ValueTask DisposeAsync()
    {
        if (_first is not null)
            await _first.DisposeAsync();
        if (_second is not null)
            await _second.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public async Task Account_GuessedAtOnceOnTwoReplicas_ExactlyAsManyAsAreBorne()
    {
        var person = await _first.PersonAsync();
        var other = await _first.PersonAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(i =>
            (i % 2 == 0 ? _first : _second).SignInAsync(person.Username, $"guess number {i}")));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Unauthorized).ShouldBe(10);
        var refused = answers.First(answer => answer.StatusCode != HttpStatusCode.Unauthorized);
        var problem = await refused.ShouldBeProblem(HttpStatusCode.TooManyRequests, "too_many_attempts");
        refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(200, 300);
        problem.GetProperty("retry_after").GetInt32().ShouldBe((int)refused.Headers.RetryAfter.Delta.Value.TotalSeconds);
        // The right password too: an answer would tell a guesser that it was.
        await (await _second.SignInAsync(person.Username)).ShouldBeProblem(HttpStatusCode.TooManyRequests, "too_many_attempts");
        await _second.PersonAsync(other.Username);

        await ForgiveAsync();
        await _second.PersonAsync(person.Username);
    }

    [Fact]
    public async Task Account_RightPassword_ForgetsTheFailures()
    {
        var person = await _first.PersonAsync();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 8; i++)
                await (await _first.SignInAsync(person.Username, "not the password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
            await _first.PersonAsync(person.Username);
        }
    }

    [Fact]
    public async Task Address_TryingManyAccounts_IsRefused_AndOthersAreNot()
    {
        var person = await _first.PersonAsync();
        for (var i = 0; i < 6; i++)
            await (await _first.SignInAsync($"guess-{i}", "not the password", from: "2001:db8:1:2::1")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");

        // Another address of the same network is the same host.
        await (await _second.SignInAsync(person.Username, from: "2001:db8:1:2:ffff::9")).ShouldBeProblem(HttpStatusCode.TooManyRequests, "too_many_attempts");
        await (await _second.PostAsync(
            "/api/auth/register", new { username = "somebody-new", password = TestSessions.Password }, headers: ("X-Forwarded-For", "2001:db8:1:2::1")))
            .ShouldBeProblem(HttpStatusCode.TooManyRequests, "too_many_attempts");
        (await _second.SignInAsync(person.Username, from: "203.0.113.7")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await _second.SignInAsync(person.Username, from: "2001:db8:1:3::1")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Address_SigningInAllDay_IsNotRefused()
    {
        var person = await _first.PersonAsync();
        for (var i = 0; i < 12; i++)
            (await _first.SignInAsync(person.Username, from: "203.0.113.8")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    /// <summary>Ten minutes pass for every bucket: two attempts of the account's are forgiven.</summary>
    private async Task ForgiveAsync()
    {
        await using var command = _first.Database.CreateCommand("UPDATE failed_attempts SET updated_at = updated_at - interval '10 minutes'");
        await command.ExecuteNonQueryAsync();
    }
}
