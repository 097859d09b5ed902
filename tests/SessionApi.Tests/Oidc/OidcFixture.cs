using Lyceum.Tests.Oidc;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests.Oidc;

/// <summary>One SessionApi in Development and one provider for all tests of a class.</summary>
public sealed class OidcFixture(PostgresFixture postgres) : IAsyncLifetime
{
    private TestSessions? _sessions;

    public IdentityFolder Identity { get; } = new("gateway", "session-api");

    public OidcProvider Provider { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Provider = await OidcProvider.StartAsync();

    /// <summary>Skips the test where there is no PostgreSQL.</summary>
    public async Task<TestSessions> StartedAsync() => _sessions ??= await TestSessions.StartAsync(
        Identity, await postgres.CreateDatabaseAsync(), settings: OidcSettings.For(Provider));

    /// <summary>The provider as it was at first, with somebody nobody has seen.</summary>
    public OidcProvider Fresh()
    {
        Provider.Person = Somebody();
        (Provider.Bend, Provider.Signature, Provider.AuthMethods, Provider.IsDown, Provider.Denies) = (_ => { }, "RS256", ["client_secret_basic"], false, false);
        return Provider;
    }

    public static Dictionary<string, object> Somebody(string? email = null, bool verified = true) => new()
    {
        ["sub"] = $"{Guid.NewGuid():N}", ["email"] = email ?? $"mei-{Guid.NewGuid():N}@School.example", ["email_verified"] = verified, ["name"] = "梅",
    };

    public async ValueTask DisposeAsync()
    {
        if (_sessions is not null)
            await _sessions.DisposeAsync();
        await Provider.DisposeAsync();
        Identity.Dispose();
    }
}

internal static class OidcAccounts
{
    /// <summary>Whom the browser's session cookie names, as the database has them.</summary>
    public static async Task<(string Id, string Tenant, string Username, string Name, bool Password)> SignedInAsync(this OidcBrowser browser, TestSessions sessions)
    {
        var token = new Microsoft.IdentityModel.JsonWebTokens.JsonWebToken(browser.Cookie("lyceum_session").ShouldNotBeNull());
        await using var command = sessions.Database.CreateCommand("SELECT tenant, username, name, password_hash IS NOT NULL FROM accounts WHERE id = $1");
        command.Parameters.Add(new() { Value = Guid.Parse(token.Subject) });
        await using var row = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        (await row.ReadAsync(TestContext.Current.CancellationToken)).ShouldBeTrue();
        row.GetString(0).ShouldBe(token.GetPayloadValue<string>("tenant"));
        return (token.Subject, row.GetString(0), row.GetString(1), row.GetString(2), row.GetBoolean(3));
    }

    public static async Task<long> CountAsync(this TestSessions sessions, string table)
    {
        await using var command = sessions.Database.CreateCommand($"SELECT count(*) FROM {table}");
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
