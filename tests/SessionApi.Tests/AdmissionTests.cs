using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Who may register outside of Development: the first with the printed code, others when invited.</summary>
public sealed partial class AdmissionTests(PostgresFixture postgres) : IDisposable
{
    private readonly IdentityFolder _identity = new("gateway", "session-api");

    public void Dispose() => _identity.Dispose();

    [Fact]
    public async Task FirstAccount_TakesThePrintedCode_Once()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var sessions = await StartAsync(database);
        await using var replica = await StartAsync(database);
        var code = await SetupCodeAsync(sessions);
        (await SetupCodeAsync(replica)).ShouldBe(code);

        await (await RegisterAsync(sessions, "ada")).ShouldBeProblem(HttpStatusCode.Forbidden, "invitation_required");
        await (await RegisterAsync(sessions, "ada", setup: "wrong")).ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            RegisterAsync(i % 2 == 0 ? sessions : replica, $"ada{i}", setup: code.ToUpperInvariant())));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        await (await RegisterAsync(replica, "bob", setup: code)).ShouldBeProblem(HttpStatusCode.Forbidden, "invitation_required");
        await using var later = await StartAsync(database);
        await (await RegisterAsync(later, "bob", setup: code)).ShouldBeProblem(HttpStatusCode.Forbidden, "invitation_required");
        later.Log.Lines.ShouldNotContain(line => line.Message.Contains("Setup code"));
    }

    [Fact]
    public async Task Invitation_LetsOnePersonIn()
    {
        await using var sessions = await StartAsync(await postgres.CreateDatabaseAsync());
        var admin = await FirstAsync(sessions);
        var made = await InviteAsync(sessions, admin, "for Bob");
        var code = made.GetProperty("code").GetString()!;

        await (await RegisterAsync(sessions, "bob")).ShouldBeProblem(HttpStatusCode.Forbidden, "invitation_required");
        await (await RegisterAsync(sessions, "bob", invitation: "wrong")).ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        // A registration that fails leaves it as it was.
        await (await RegisterAsync(sessions, admin.Username, invitation: code)).ShouldBeProblem(HttpStatusCode.Conflict, "account_exists");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => RegisterAsync(sessions, $"bob{i}", invitation: code)));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        foreach (var refused in answers.Where(answer => answer.StatusCode != HttpStatusCode.Created))
            await refused.ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        var bob = await answers.Single(answer => answer.StatusCode == HttpStatusCode.Created).JsonAsync();
        bob.GetProperty("tenant").GetString().ShouldNotBe(admin.Tenant);
        var listed = (await ListAsync(sessions, admin)).ShouldHaveSingleItem();
        listed.GetProperty("status").GetString().ShouldBe("used");
        listed.GetProperty("note").GetString().ShouldBe("for Bob");
        listed.GetProperty("code").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    /// <summary>Who has the setup code runs the installation; who was invited does not.</summary>
    [Fact]
    public async Task Operator_IsWhoCameByTheSetupCode_AndNobodyElse()
    {
        await using var sessions = await StartAsync(await postgres.CreateDatabaseAsync());
        var first = await FirstAsync(sessions);
        var second = await MembershipTests.InvitedAsync(sessions, first, "owner");

        Scopes(first).ShouldContain("ops");
        Scopes(first).ShouldContain("tools.admin");
        Scopes(first).ShouldNotContain("engine");
        Scopes(second).ShouldBe(Scopes(first).Except(["ops", "tools.admin"]), ignoreOrder: true);
        // An owner beside them cannot become them.
        await (await sessions.PostAsync($"/api/members/{first.Id}/reset", token: second.Identity())).ShouldBeProblem(HttpStatusCode.Conflict, "conflict");

        static string[] Scopes(Person person) => new Microsoft.IdentityModel.JsonWebTokens.JsonWebToken(person.AccessToken).GetPayloadValue<string>("scope").Split(' ');
    }

    [Fact]
    public async Task Invitation_RevokedOrOver_LetsNobodyIn()
    {
        await using var sessions = await StartAsync(await postgres.CreateDatabaseAsync());
        var admin = await FirstAsync(sessions);
        var revoked = await InviteAsync(sessions, admin);
        var over = await InviteAsync(sessions, admin);

        (await sessions.SendAsync(HttpMethod.Delete, $"/api/auth/invitations/{revoked.GetProperty("id").GetGuid()}", token: admin.Identity()))
            .StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await using (var command = sessions.Database.CreateCommand("UPDATE invitations SET expires_at = now() - interval '1 second'"))
            await command.ExecuteNonQueryAsync();

        foreach (var invitation in (JsonElement[])[revoked, over])
            await (await RegisterAsync(sessions, "bob", invitation: invitation.GetProperty("code").GetString())).ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        (await ListAsync(sessions, admin)).ShouldHaveSingleItem().GetProperty("status").GetString().ShouldBe("expired");
    }

    [Fact]
    public async Task Invitations_AreAsManyAsConfigured()
    {
        await using var sessions = await StartAsync(await postgres.CreateDatabaseAsync(), new() { ["Accounts:MaxOpenInvitations"] = "2" });
        var admin = await FirstAsync(sessions);
        await InviteAsync(sessions, admin);
        await InviteAsync(sessions, admin);

        await (await sessions.PostAsync("/api/auth/invitations", new { }, admin.Identity())).ShouldBeProblem(HttpStatusCode.Conflict, "conflict");
    }

    [Fact]
    public async Task OpenRegistration_IsWhatTheConfigurationSays()
    {
        await using var open = await StartAsync(await postgres.CreateDatabaseAsync(), new() { ["Accounts:OpenRegistration"] = "true" });
        await using var closed = await TestSessions.StartAsync(
            _identity, await postgres.CreateDatabaseAsync(), "Development", settings: new() { ["Accounts:OpenRegistration"] = "false" });

        (await RegisterAsync(open, "ada")).StatusCode.ShouldBe(HttpStatusCode.Created);
        (await RegisterAsync(open, "bob")).StatusCode.ShouldBe(HttpStatusCode.Created);
        await (await RegisterAsync(closed, "ada")).ShouldBeProblem(HttpStatusCode.Forbidden, "invitation_required");
    }

    [Fact]
    public void FaultySettings_StopTheStart_AllNamedTogether()
    {
        var options = new Lyceum.SessionApi.Accounts.AccountOptions { AccessLifetime = TimeSpan.Zero, AccountAttempts = 0 };

        options.Errors().ShouldBe(
        [
            "Accounts:AccessLifetime is 00:00:00; it must be above 0 and at most a year", "Accounts:AccountAttempts is 0; it must be at least 1",
        ]);
    }

    private Task<TestSessions> StartAsync(string database, Dictionary<string, string?>? settings = null) =>
        TestSessions.StartAsync(_identity, database, "Production", settings: settings);

    private static async Task<string> SetupCodeAsync(TestSessions sessions)
    {
        string? code = null;
        await Eventually.TrueAsync(() =>
        {
            code = sessions.Log.Lines.Select(line => SetupCode().Match(line.Message)).FirstOrDefault(match => match.Success)?.Groups[1].Value;
            return Task.FromResult(code is not null);
        }, "the setup code is printed");
        return code!;
    }

    [GeneratedRegex("Setup code: ([a-z0-9-]{39})$")]
    private static partial Regex SetupCode();

    private static async Task<Person> FirstAsync(TestSessions sessions)
    {
        (await RegisterAsync(sessions, "ada", setup: await SetupCodeAsync(sessions))).StatusCode.ShouldBe(HttpStatusCode.Created);
        return await sessions.PersonAsync("ada");
    }

    private static Task<HttpResponseMessage> RegisterAsync(TestSessions sessions, string username, string? setup = null, string? invitation = null) =>
        sessions.PostAsync("/api/auth/register", new { username, password = TestSessions.Password, setup_code = setup, invitation_code = invitation });

    private static async Task<JsonElement> InviteAsync(TestSessions sessions, Person admin, string? note = null)
    {
        var response = await sessions.PostAsync("/api/auth/invitations", new { note }, admin.Identity());
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        return await response.JsonAsync();
    }

    private static async Task<List<JsonElement>> ListAsync(TestSessions sessions, Person admin) =>
        [.. (await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/invitations", token: admin.Identity())).JsonAsync())
            .GetProperty("invitations").EnumerateArray()];
}
