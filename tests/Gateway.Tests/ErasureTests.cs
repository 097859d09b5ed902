using System.Net;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.Tests.Gateway.Tests;

public sealed class ErasureTests(PostgresFixture postgres) : IAsyncLifetime
{
    private const string Ada = "019d0000-0000-7000-8000-00000000ada0";

    private readonly IdentityFolder _identity = new("gateway", "session-api");
    private TestGateway _gateway = null!;

    private NpgsqlDataSource Database => _gateway.Services.GetRequiredService<NpgsqlDataSource>();

    public async ValueTask InitializeAsync()
    {
        _gateway = TestGateway.Start(_identity, new() { ["ConnectionStrings:gatewaydb"] = await postgres.CreateDatabaseAsync() });
        await _gateway.Services.GetRequiredService<DatabaseReady>().WaitAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public async Task Person_Erased_LeavesNothing_WhatIsTheTenantsStaysWithoutTheName_AndComesNeverBack()
    {
        await FillAsync(Ada);
        await FillAsync("bob");

        await EraseAsync();

        (await PersonalRows.FindAsync(Database, [Ada], "erased_persons")).ShouldBeEmpty();
        (await CountAsync("repo_records")).ShouldBe(1);
        (await CountAsync("budgets")).ShouldBe(1);
        (await CountAsync("tool_versions")).ShouldBe(2);

        // What is counted and emitted late is dropped, the rest of the statement is written.
        await ExecuteAsync(
            $"INSERT INTO model_use SELECT 'acme', now()::date, p, 'late', 1, 1, 1 FROM unnest(ARRAY['{Ada}', 'bob']) p");
        foreach (var late in (string[])
            [
                $"INSERT INTO repo_records (tenant, id, type, properties, subject, created_at) VALUES ('acme', 'late', 't', '{{}}', '{Ada}', now())",
                $"INSERT INTO budgets (account, unit, period, taken, granted) VALUES ('key:user:acme/{Ada}', 'requests', 'total', 1, 1)",
            ])
        {
            (await Should.ThrowAsync<PostgresException>(() => ExecuteAsync(late))).SqlState.ShouldBe(DatabaseFailures.PersonErased);
        }
        (await PersonalRows.FindAsync(Database, [Ada], "erased_persons")).ShouldBeEmpty();
        (await CountAsync("model_use")).ShouldBe(2);
    }

    [Fact]
    public async Task ErasedPerson_WithATokenThatIsStillGood_IsRefused()
    {
        var token = _identity.Token("session-api", aud: "lyceum-user", sub: Ada, tenant: "acme", scope: "llm");
        (await _gateway.GetAsync("/api/usage", token)).StatusCode.ShouldBe(HttpStatusCode.OK);

        await EraseAsync();

        await Eventually.TrueAsync(async () =>
            (await _gateway.GetAsync("/api/usage", token)).StatusCode == HttpStatusCode.Forbidden, "it is refused");
        await (await _gateway.GetAsync("/api/usage", token)).ShouldBeProblem(HttpStatusCode.Forbidden, ErrorCodes.PersonErased);
        // How far it is, and signing in anew, are open.
        foreach (var open in (string[])["/api/erasures/x", "/api/auth/methods"])
            (await _gateway.GetAsync(open, token)).StatusCode.ShouldNotBe(HttpStatusCode.Forbidden, open);
    }

    private async Task FillAsync(string person)
    {
        var id = $"of-{person[..3]}";
        await ExecuteAsync(
            $"""
            INSERT INTO repo_records (tenant, id, type, properties, subject, created_at)
                VALUES ('acme', '{person}', 't', '{"{}"}', '{person}', now());
            INSERT INTO repo_edges (tenant, from_id, to_id, type, properties, subject, created_at)
                VALUES ('acme', '{person}', '{person}', 't', '{"{}"}', 'bob', now());
            INSERT INTO observed_events (event_id, tenant, subject, type, at, received_at, attributes)
                VALUES (gen_random_uuid(), 'acme', '{person}', 't', now(), now(), '{"{}"}');
            INSERT INTO model_use VALUES ('acme', now()::date, '{person}', 'm', 1, 1, 1);
            INSERT INTO tenant_budgets (tenant, person, model_tokens, period, updated_at, updated_by)
                VALUES ('acme', '{person}', 1, 'day', now(), '{person}'), ('acme', 'for-{id}', 1, 'day', now(), '{person}');
            INSERT INTO budgets (account, unit, period, taken, granted) VALUES ('set:person:acme/{person}', 'requests', 'total', 1, 1);
            INSERT INTO tool_versions (tenant, version, digest, manifests, summary, created_by, created_at)
                VALUES ('acme', '{id}', 'd', '[]', '[]', '{person}', now());
            INSERT INTO tool_activations (tenant, version, activated_by, activated_at) VALUES ('acme', '{id}', '{person}', now());
            """);
    }

    private Task EraseAsync() => Eventually.TrueAsync(
        () => _gateway.Services.GetRequiredService<PersonErasure>().EraseAsync("acme", Ada, TestContext.Current.CancellationToken),
        "it is erased");

    private async Task<long> CountAsync(string table)
    {
        await using var command = Database.CreateCommand($"SELECT count(*) FROM {table}");
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
