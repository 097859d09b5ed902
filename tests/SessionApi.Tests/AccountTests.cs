using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Lyceum.Tests.Support;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Having an account, and signing in to it.</summary>
public sealed class AccountTests(SessionsFixture fixture, PostgresFixture postgres) : IClassFixture<SessionsFixture>
{
    [Fact]
    public async Task SignIn_RightPassword_AnAccessTokenForTheGatewayAlone()
    {
        var sessions = await fixture.StartedAsync();
        var created = await sessions.PostAsync("/api/auth/register", new { username = " Grace@Example.org ", password = TestSessions.Password, name = "葛丽丝" });
        created.StatusCode.ShouldBe(HttpStatusCode.Created);
        var account = await created.JsonAsync();
        account.GetProperty("username").GetString().ShouldBe("grace@example.org");
        account.GetProperty("name").GetString().ShouldBe("葛丽丝");
        account.GetProperty("role").GetString().ShouldBe("owner");
        Guid.TryParse(account.GetProperty("tenant").GetString(), out _).ShouldBeTrue();

        var response = await sessions.SignInAsync("GRACE@example.org");

        var signedIn = await response.JsonAsync();
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Headers.CacheControl!.NoStore.ShouldBeTrue();
        response.Headers.Contains("Set-Cookie").ShouldBeFalse();
        signedIn.GetProperty("token_type").GetString().ShouldBe("Bearer");
        signedIn.GetProperty("expires_in").GetInt32().ShouldBe(900);
        var token = new JsonWebToken(signedIn.GetProperty("access_token").GetString());
        token.Issuer.ShouldBe("session-api");
        token.Audiences.ShouldBe(["lyceum-user"]);
        token.Kid.ShouldStartWith("session-api-");
        token.Alg.ShouldBe("ES256");
        token.Subject.ShouldBe(account.GetProperty("id").GetString());
        token.GetPayloadValue<string>("tenant").ShouldBe(account.GetProperty("tenant").GetString());
        token.GetPayloadValue<string>("scope").Split(' ').ShouldBe(
            ["chat", "llm", "tutors", "sessions", "roadmaps", "collab", "graph", "repo", "observe", "tools", "budgets", "practice", "classes"], ignoreOrder: true);
        token.GetPayloadValue<string>("role").ShouldBe("owner");
        (token.ValidTo - DateTime.UtcNow).TotalMinutes.ShouldBeInRange(14, 15);
    }

    [Fact]
    public async Task Register_ManyFaults_AllReportedTogether()
    {
        var sessions = await fixture.StartedAsync();

        var problem = await (await sessions.PostAsync("/api/auth/register", new { username = "a b", password = "short", name = new string('n', 101) }))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");

        problem.GetProperty("errors").EnumerateObject().Select(fault => fault.Name).ShouldBe(["name", "password", "username"]);
        (await (await sessions.PostAsync("/api/auth/register", new { })).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request"))
            .GetProperty("errors").EnumerateObject().Select(fault => fault.Name).ShouldBe(["password", "username"]);
    }

    [Theory]
    [InlineData("elevenchars")]
    [InlineData("PasswordPassword")]
    [InlineData("aaaaaaaaaaaaaaaa")]
    [InlineData("weak-person@example.org")]
    [InlineData("")]
    public async Task Register_WeakPassword_Refused(string password)
    {
        var sessions = await fixture.StartedAsync();

        await (await sessions.PostAsync("/api/auth/register", new { username = "weak-person@example.org", password }))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "weak_password");
    }

    [Fact]
    public async Task Register_TheSameNameAtOnce_OneAccount()
    {
        var sessions = await fixture.StartedAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            sessions.PostAsync("/api/auth/register", new { username = i % 2 == 0 ? "twin" : "TWIN", password = TestSessions.Password })));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        foreach (var refused in answers.Where(answer => answer.StatusCode != HttpStatusCode.Created))
            await refused.ShouldBeProblem(HttpStatusCode.Conflict, "account_exists");
    }

    [Fact]
    public async Task SignIn_UnknownAccountAndWrongPassword_TheSameAnswer()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();

        var wrong = await (await sessions.SignInAsync(person.Username, "not the password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
        var unknown = await (await sessions.SignInAsync("nobody-at-all", "not the password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");

        unknown.GetProperty("detail").GetString().ShouldBe(wrong.GetProperty("detail").GetString());
        unknown.EnumerateObject().Select(member => member.Name).ShouldBe(wrong.EnumerateObject().Select(member => member.Name));
    }

    /// <summary>With the hash as dear as it is in earnest, it is most of what a refusal takes: there is one in both.</summary>
    [Fact]
    public async Task SignIn_UnknownAccount_TakesAsLongAsAWrongPassword()
    {
        await using var sessions = await TestSessions.StartAsync(
            fixture.Identity, await postgres.CreateDatabaseAsync(), iterations: 210_000,
            settings: new() { ["Accounts:AccountAttempts"] = "100", ["Accounts:AddressAttempts"] = "100" });
        var person = await sessions.PersonAsync();
        await TimeAsync("warm-up");

        var (wrong, unknown) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        const double fewest = 0.3, most = 3; // without a hash it is a twentieth
        // The least of some: how many it takes to find it is the machine's.
        for (var i = 0; i < 4 || (i < 30 && unknown / wrong is < fewest or > most); i++)
        {
            wrong = Min(wrong, await TimeAsync(person.Username));
            unknown = Min(unknown, await TimeAsync("nobody-at-all"));
        }

        (unknown / wrong).ShouldBeInRange(fewest, most);

        static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
        async Task<TimeSpan> TimeAsync(string username)
        {
            var started = Stopwatch.GetTimestamp();
            (await sessions.SignInAsync(username, "not the password")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            return Stopwatch.GetElapsedTime(started);
        }
    }

    [Fact]
    public async Task SignIn_HashOfYesterdaysCost_IsReplaced()
    {
        var database = await postgres.CreateDatabaseAsync();
        string username, before;
        await using (var yesterday = await TestSessions.StartAsync(fixture.Identity, database, iterations: 1000))
        {
            username = (await yesterday.PersonAsync()).Username;
            before = await HashAsync(yesterday);
        }
        await using var today = await TestSessions.StartAsync(fixture.Identity, database, iterations: 2000);

        await today.PersonAsync(username);
        var after = await HashAsync(today);
        await today.PersonAsync(username);

        after.ShouldNotBe(before);
        (await HashAsync(today)).ShouldBe(after);

        async Task<string> HashAsync(TestSessions sessions)
        {
            await using var command = sessions.Database.CreateCommand("SELECT password_hash FROM accounts WHERE username = $1");
            command.Parameters.Add(new() { Value = username });
            return (string)(await command.ExecuteScalarAsync())!;
        }
    }

    [Fact]
    public async Task ChangePassword_EndsEverySignInButTheNewOne()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        var elsewhere = await sessions.PersonAsync(person.Username);
        await (await ChangeAsync("not the password", "an even quieter evening")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
        var weak = await (await ChangeAsync("", "short")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        weak.GetProperty("errors").EnumerateObject().Select(fault => fault.Name).ShouldBe(["current_password", "new_password"]);

        var changed = await ChangeAsync(TestSessions.Password, "an even quieter evening");

        changed.StatusCode.ShouldBe(HttpStatusCode.OK);
        foreach (var old in (string[])[person.RefreshToken, elsewhere.RefreshToken])
            await (await sessions.PostAsync("/api/auth/refresh", new { refresh_token = old })).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_refresh_token");
        var refresh_token = (await changed.JsonAsync()).GetProperty("refresh_token").GetString();
        (await sessions.PostAsync("/api/auth/refresh", new { refresh_token })).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await sessions.SignInAsync(person.Username)).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
        await sessions.PersonAsync(person.Username, "an even quieter evening");

        Task<HttpResponseMessage> ChangeAsync(string current_password, string new_password) =>
            sessions.PostAsync("/api/auth/change-password", new { current_password, new_password }, person.Identity());
    }

    [Fact]
    public async Task Me_APerson_OrAnApiToken()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();

        var me = await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/me", token: person.Identity())).JsonAsync();
        var token = await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/me", token: fixture.Identity.Token(sub: "ci", tenant: "dev", scope: "llm chat"))).JsonAsync();

        me.GetProperty("kind").GetString().ShouldBe("user");
        me.GetProperty("account").GetProperty("username").GetString().ShouldBe(person.Username);
        token.GetProperty("kind").GetString().ShouldBe("token");
        token.GetProperty("account").ValueKind.ShouldBe(JsonValueKind.Null);
        token.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()).ShouldBe(["chat", "llm"]);
    }

    [Fact]
    public async Task RotatedKey_SignsTheNextToken_WithoutARestart()
    {
        using var identity = new IdentityFolder("gateway", "session-api");
        await using var sessions = await TestSessions.StartAsync(identity, await postgres.CreateDatabaseAsync());
        var person = await sessions.PersonAsync();
        var before = new JsonWebToken(person.AccessToken).Kid;

        identity.Rotate("session-api");

        await Eventually.TrueAsync(async () => new JsonWebToken((await sessions.PersonAsync(person.Username)).AccessToken).Kid != before, "the new key signs");
    }

    [Fact]
    public async Task Secrets_AreInNoLogAndNoTable()
    {
        await using var sessions = await TestSessions.StartAsync(fixture.Identity, await postgres.CreateDatabaseAsync());
        var person = await sessions.PersonAsync();
        await sessions.SignInAsync(person.Username, "not the password");
        var renewed = await (await sessions.PostAsync("/api/auth/refresh", new { refresh_token = person.RefreshToken })).JsonAsync();
        await RefreshTests.AgeAsync(sessions, person.Id);
        await sessions.PostAsync("/api/auth/refresh", new { refresh_token = person.RefreshToken });

        string[] secrets = [TestSessions.Password, "not the password", person.AccessToken, person.RefreshToken[33..], renewed.GetProperty("refresh_token").GetString()![33..]];
        foreach (var secret in secrets)
            sessions.Log.Lines.ShouldNotContain(line => line.Message.Contains(secret));
        sessions.Log.Lines.ShouldContain(line => line.Message.Contains("refresh token of it was shown that is spent"));
        await using var command = sessions.Database.CreateCommand("SELECT accounts::text FROM accounts UNION ALL SELECT sign_ins::text FROM sign_ins");
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
            secrets.ShouldAllBe(secret => !rows.GetString(0).Contains(secret, StringComparison.Ordinal));
    }
}
