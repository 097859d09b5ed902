using System.Net;
using Lyceum.Tests.Support;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Staying signed in: each refresh token has one successor, and one shown late ends the sign-in.</summary>
public sealed class RefreshTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    [Fact]
    public async Task Refresh_SpentTokenShownLate_EndsTheSignIn_AndNoOther()
    {
        var sessions = await fixture.StartedAsync();
        var thief = await sessions.PersonAsync();
        var elsewhere = await sessions.PersonAsync(thief.Username);

        var second = await RefreshAsync(sessions, thief.RefreshToken);
        var third = await RefreshAsync(sessions, second!);
        third.ShouldNotBeNull();

        await AgeAsync(sessions, thief.Id);
        (await RefreshAsync(sessions, second!)).ShouldBeNull();
        (await RefreshAsync(sessions, third)).ShouldBeNull(); // the newest is gone with it
        (await RefreshAsync(sessions, elsewhere.RefreshToken)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Refresh_TokenBeforeTheLastSpent_EndsTheSignIn_AtOnce()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        var second = await RefreshAsync(sessions, person.RefreshToken);
        var third = await RefreshAsync(sessions, second!);

        (await RefreshAsync(sessions, person.RefreshToken)).ShouldBeNull();

        (await RefreshAsync(sessions, third!)).ShouldBeNull();
    }

    /// <summary>Two tabs, or an answer that was lost, at any replica.</summary>
    [Fact]
    public async Task Refresh_OneTokenManyTimesAtOnce_IsAnsweredWithOneSuccessor()
    {
        var sessions = await fixture.StartedAsync();
        await using var replica = await TestSessions.StartAsync(
            fixture.Identity, sessions.Services.GetRequiredService<IConfiguration>().GetConnectionString("sessiondb")!);
        var person = await sessions.PersonAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            i => RefreshAsync(i % 2 == 0 ? sessions : replica, person.RefreshToken)));
        var lost = await RefreshAsync(replica, person.RefreshToken);

        answers.Append(lost).Distinct().ShouldHaveSingleItem().ShouldNotBeNull();
        (await RefreshAsync(sessions, lost!)).ShouldNotBeNull();
    }

    /// <summary>A replica of before notes no previous token when it spends one.</summary>
    [Fact]
    public async Task Refresh_TokenThatAnEarlierVersionSpent_HasNoGrace()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        var second = await RefreshAsync(sessions, person.RefreshToken);
        await ExecuteAsync(sessions, "UPDATE sign_ins SET token_hash = '\\x00', refreshed_at = now() WHERE account_id = $1", person.Id);

        (await RefreshAsync(sessions, person.RefreshToken)).ShouldBeNull();
        (await RefreshAsync(sessions, second!)).ShouldBeNull();
    }

    /// <summary>The id is no secret: it stands in logs. Who has it alone ends nobody's sign-in.</summary>
    [Fact]
    public async Task TokenThatNeverWas_WithTheIdOfASignIn_EndsNothing()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        var other = await sessions.PersonAsync();
        var (id, secret) = (person.RefreshToken[..32], person.RefreshToken[33..]);
        string[] secrets =
        [
            "wrong", other.RefreshToken[33..], new('A', secret.Length), secret[..^1], secret + "A", secret.ToUpperInvariant(),
            (secret[0] == 'A' ? 'B' : 'A') + secret[1..], " " + secret, secret + "\n",
            .. "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".Where(c => c != secret[^1])
                .Select(c => secret[..^1] + c), // some of them are the same bytes
            Convert.ToBase64String(new byte[32]), "=", "",
        ];

        foreach (var wrong in secrets)
        {
            (await RefreshAsync(sessions, $"{id}.{wrong}")).ShouldBeNull();
            var left = await sessions.PostAsync("/api/auth/logout", new { refresh_token = $"{id}.{wrong}" });
            left.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        }

        (await RefreshAsync(sessions, person.RefreshToken)).ShouldNotBeNull();
    }

    /// <summary>As an earlier version made it: its row has no key yet.</summary>
    [Fact]
    public async Task SignIn_OfAnEarlierVersion_GoesOn_AndIsTheSameAsOthersThen()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        await using (var command = sessions.Database.CreateCommand("UPDATE sign_ins SET token_key = NULL WHERE account_id = $1"))
        {
            command.Parameters.Add(new() { Value = person.Id });
            (await command.ExecuteNonQueryAsync()).ShouldBe(1);
        }

        var second = await RefreshAsync(sessions, person.RefreshToken);
        var third = await RefreshAsync(sessions, second!);
        third.ShouldNotBeNull();
        (await RefreshAsync(sessions, second!)).ShouldBe(third);
        await AgeAsync(sessions, person.Id);
        (await RefreshAsync(sessions, second!)).ShouldBeNull();
        (await RefreshAsync(sessions, third)).ShouldBeNull(); // a spent one was shown
    }

    [Fact]
    public async Task Refresh_OverOrUnknownOrNone_Refused()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        await using (var command = sessions.Database.CreateCommand("UPDATE sign_ins SET expires_at = now() - interval '1 second' WHERE account_id = $1"))
        {
            command.Parameters.Add(new() { Value = person.Id });
            (await command.ExecuteNonQueryAsync()).ShouldBe(1);
        }

        foreach (var token in (string[])[person.RefreshToken, $"{Guid.NewGuid():N}.banana", "banana", "", person.AccessToken])
            await (await sessions.PostAsync("/api/auth/refresh", new { refresh_token = token })).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_refresh_token");
        await (await sessions.PostAsync("/api/auth/refresh")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_refresh_token");
    }

    [Fact]
    public async Task SignOut_EndsTheSignIn_AsOftenAsItIsSaid()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();

        for (var i = 0; i < 2; i++)
            (await sessions.PostAsync("/api/auth/logout", new { refresh_token = person.RefreshToken })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await sessions.PostAsync("/api/auth/logout")).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        (await RefreshAsync(sessions, person.RefreshToken)).ShouldBeNull();
    }

    [Fact]
    public async Task Cookies_NoTokenIsSeenByAScript_AndTheyRenewAndEndTheSignIn()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();

        var signedIn = await sessions.SignInAsync(person.Username, cookie: true);
        var body = await signedIn.JsonAsync();
        body.EnumerateObject().Select(member => member.Name).ShouldBe(["expires_in", "account"], ignoreOrder: true);
        var cookies = Cookies(signedIn);
        cookies["lyceum_session"].ShouldBe("max-age=900; path=/; samesite=strict; httponly");
        cookies["lyceum_refresh"].ShouldBe("max-age=2592000; path=/api/auth; samesite=strict; httponly");

        var renewed = await sessions.PostAsync("/api/auth/refresh", headers: ("Cookie", Value(signedIn, "lyceum_refresh")));
        renewed.StatusCode.ShouldBe(HttpStatusCode.OK);
        Cookies(renewed).Keys.ShouldBe(["lyceum_session", "lyceum_refresh"], ignoreOrder: true);

        var ended = await sessions.PostAsync("/api/auth/logout", headers: ("Cookie", Value(renewed, "lyceum_refresh")));
        Cookies(ended).Values.ShouldAllBe(cookie => cookie.StartsWith("expires=Thu, 01 Jan 1970", StringComparison.Ordinal));
        var refused = await sessions.PostAsync("/api/auth/refresh", headers: ("Cookie", Value(renewed, "lyceum_refresh")));
        await refused.ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_refresh_token");
        Cookies(refused).Keys.ShouldBe(["lyceum_session", "lyceum_refresh"], ignoreOrder: true); // cleared
    }

    /// <summary>The prefix asks for Secure and the path /, and takes the place of the cookies of before.</summary>
    [Theory]
    [InlineData("Origin", "https://lyceum.example")]
    [InlineData("X-Forwarded-Proto", "https")]
    public async Task Cookies_OnHttps_AreOfThisHostAlone(string header, string value)
    {
        var sessions = await fixture.StartedAsync();
        var before = await sessions.SignInAsync((await sessions.PersonAsync()).Username, cookie: true);

        var renewed = await sessions.PostAsync(
            "/api/auth/refresh", headers: [("Cookie", Value(before, "lyceum_refresh")), (header, value)]);

        renewed.StatusCode.ShouldBe(HttpStatusCode.OK);
        Cookies(renewed)["__Host-lyceum_session"].ShouldBe("max-age=900; path=/; secure; samesite=strict; httponly");
        Cookies(renewed)["__Host-lyceum_refresh"].ShouldBe("max-age=2592000; path=/; secure; samesite=strict; httponly");
        Cookies(renewed)["lyceum_refresh"].ShouldStartWith("expires=Thu, 01 Jan 1970");
        var again = await sessions.PostAsync(
            "/api/auth/refresh", headers: [("Cookie", Value(renewed, "__Host-lyceum_refresh")), (header, value)]);
        again.StatusCode.ShouldBe(HttpStatusCode.OK);
        // A site beside this one can set the other name, and not this one.
        again = await sessions.PostAsync(
            "/api/auth/refresh", headers: [("Cookie", $"lyceum_refresh=planted; {Value(again, "__Host-lyceum_refresh")}"), (header, value)]);
        again.StatusCode.ShouldBe(HttpStatusCode.OK);
        Cookies(await sessions.PostAsync("/api/auth/logout", headers: (header, value))).Keys.ShouldBe(
            ["lyceum_session", "lyceum_refresh", "__Host-lyceum_session", "__Host-lyceum_refresh"], ignoreOrder: true);
    }

    /// <summary>Half a minute passes for the sign-ins of a person.</summary>
    internal static Task AgeAsync(TestSessions sessions, Guid person) => ExecuteAsync(
        sessions, "UPDATE sign_ins SET refreshed_at = refreshed_at - interval '31 seconds' WHERE account_id = $1", person);

    private static async Task ExecuteAsync(TestSessions sessions, string sql, Guid person)
    {
        await using var command = sessions.Database.CreateCommand(sql);
        command.Parameters.Add(new() { Value = person });
        (await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBeGreaterThan(0);
    }

    /// <summary>What each cookie is besides its value.</summary>
    private static Dictionary<string, string> Cookies(HttpResponseMessage response) => response.Headers.GetValues("Set-Cookie")
        .ToDictionary(cookie => cookie.Split('=')[0], cookie => cookie[(cookie.IndexOf(';', StringComparison.Ordinal) + 2)..]);

    private static string Value(HttpResponseMessage response, string name) =>
        response.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith(name + "=", StringComparison.Ordinal)).Split(';')[0];

    /// <summary>The next token; null where this one is refused.</summary>
    private static async Task<string?> RefreshAsync(TestSessions sessions, string token)
    {
        var response = await sessions.PostAsync("/api/auth/refresh", new { refresh_token = token });
        if (response.StatusCode == HttpStatusCode.OK)
            return (await response.JsonAsync()).GetProperty("refresh_token").GetString();
        await response.ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_refresh_token");
        return null;
    }
}
