using System.Text.Json;
using Lyceum.Durability.Postgres;
using Lyceum.SessionApi.Knowledge;
using Lyceum.Tests.Support.Postgres;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>What an older version stored for searches is brought up to date by the service itself.</summary>
public sealed class ReindexTests(PostgresFixture postgres) : IDisposable
{
    private readonly IdentityFolder _identity = new("gateway", "session-api");

    public void Dispose() => _identity.Dispose();

    [Fact]
    public async Task Upgrade_OfTermsOfAnOlderVersion_IsFoundByTheNewTerms()
    {
        var database = await OldDatabaseAsync(documents: 3);

        await using var sessions = await TestSessions.StartAsync(_identity, database);

        await UntilAllAreDoneAsync(database);
        var hits = await SearchAsync(sessions, "run");
        hits.Count.ShouldBe(3);
        hits.Select(hit => (hit.GetProperty("position").GetInt32(), hit.GetProperty("text").GetString()))
            // Ids and texts as they were.
            .ShouldAllBe(hit => hit.Item1 == 0 && hit.Item2 == "Running in the rain. 光合作用");
        (await SearchAsync(sessions, "光合作用")).Count.ShouldBe(3);
    }

    [Fact]
    public async Task Search_WhileAnotherReplicaReindexes_AnswersByTermsThatDidNotChange()
    {
        var database = await OldDatabaseAsync(documents: 2);
        await using var source = NpgsqlDataSource.Create(database);
        await using var other = await source.OpenConnectionAsync();
        await ExecuteAsync(other, $"SELECT pg_advisory_lock({PassageReindex.Lock})");
        await using var sessions = await TestSessions.StartAsync(_identity, database);
        var reindex = sessions.Services.GetRequiredService<PassageReindex>();

        (await reindex.ReindexOneAsync(TestContext.Current.CancellationToken)).ShouldBeFalse();
        (await SearchAsync(sessions, "光合作用")).Count.ShouldBe(2);
        (await SearchAsync(sessions, "rain")).Count.ShouldBe(2);
        (await SearchAsync(sessions, "run")).ShouldBeEmpty();

        await ExecuteAsync(other, $"SELECT pg_advisory_unlock({PassageReindex.Lock})");
        await UntilAllAreDoneAsync(database, () => reindex.ReindexOneAsync(TestContext.Current.CancellationToken));
        (await SearchAsync(sessions, "run")).Count.ShouldBe(2);
    }

    [Fact]
    public async Task Reindex_StoppedBetweenDocuments_GoesOnWithTheRest()
    {
        var database = await OldDatabaseAsync(documents: 3);
        await using var source = NpgsqlDataSource.Create(database);
        await using (var other = await source.OpenConnectionAsync())
        {
            // Held until the first service is gone, so that it upgrades the schema and reindexes nothing.
            await ExecuteAsync(other, $"SELECT pg_advisory_lock({PassageReindex.Lock})");
            await using (await TestSessions.StartAsync(_identity, database))
            {
            }
            await ExecuteAsync(other, $"SELECT pg_advisory_unlock({PassageReindex.Lock})");
        }
        using var reindex = new PassageReindex(
            source, new DatabaseReady(), TimeProvider.System, NullLogger<PassageReindex>.Instance);
        (await reindex.ReindexOneAsync(TestContext.Current.CancellationToken)).ShouldBeTrue();
        (await VersionsAsync(database)).ShouldBe([0, 0, SearchTerms.Version]);

        await using var second = await TestSessions.StartAsync(_identity, database);

        await UntilAllAreDoneAsync(database);
        (await SearchAsync(second, "running")).Count.ShouldBe(3);
    }

    [Fact]
    public async Task Upload_OfThisVersion_IsUpToDate()
    {
        var database = await OldDatabaseAsync(documents: 0);
        await using var sessions = await TestSessions.StartAsync(_identity, database);
        var token = _identity.Token(tenant: "acme", scope: "tutors");
        using var body = new StringContent("It runs.", System.Text.Encoding.UTF8, "text/plain");
        using var request = new HttpRequestMessage(
            HttpMethod.Post, "/api/kb/old/documents?name=new.txt") { Content = body };
        request.Headers.Authorization = new("Bearer", token);

        (await sessions.Client.SendAsync(request, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();

        (await VersionsAsync(database)).ShouldBe([SearchTerms.Version]);
    }

    // If this fails, the terms of stored texts have changed: raise SearchTerms.Version, then correct the expectation.
    [Fact]
    public void Vector_OfThisVersion_HasTheseTerms() =>
        SearchTerms.Vector("studies.md", "Running", "It's the students' 光合作用, naïve 'quotes'.").ShouldBe(
            "'run':1A 'studi':2B 'md':3B 'it':4D 'the':5D 'student':6D '光':7D '光合':8D '合':9D '合作':10D '作':11D '作用':12D '用':13D " +
            "'naïv':14D 'quot':15D ");

    /// <summary>
    /// A database of before 0.1.0 with a knowledge base <c>old</c> of tenant <c>acme</c>, its terms as they were made
    /// then.
    /// </summary>
    private async Task<string> OldDatabaseAsync(int documents)
    {
        var database = await OldDatabase.CreateAsync(postgres, "SessionApi.Tests");
        await PostgresServer.ExecuteAsync(database,
            $"""
             INSERT INTO knowledge_bases (id, tenant, kb_id, title, created_at, updated_at)
             VALUES ('00000000-0000-0000-0000-000000000001', 'acme', 'old', 'Old', now(), now());
             INSERT INTO documents (id, knowledge_base_id, name, media_type, content, length, created_at)
             SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', n || '.txt', 'text/plain',
                 'Running in the rain. 光合作用', 33, now()
             FROM generate_series(1, {documents}) n;
             INSERT INTO passages (document_id, position, knowledge_base_id, section, text, terms)
             SELECT id, 0, knowledge_base_id, '', content,
                 '''runn'':3 ''in'':4 ''the'':5 ''rain'':6 ''光合'':7 ''合作'':8 ''作用'':9'::tsvector
             FROM documents;
             """);
        return database;
    }

    private async Task<List<JsonElement>> SearchAsync(TestSessions sessions, string question)
    {
        using var response = await sessions.SendAsync(
            HttpMethod.Get, $"/api/kb/old/search?q={Uri.EscapeDataString(question)}",
            token: _identity.Token(tenant: "acme", scope: "tutors"));
        return [.. (await response.JsonAsync()).GetProperty("passages").EnumerateArray()];
    }

    private static async Task UntilAllAreDoneAsync(string database, Func<Task>? work = null)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        while ((await VersionsAsync(database)).Any(version => version != SearchTerms.Version))
        {
            DateTime.UtcNow.ShouldBeLessThan(until);
            await (work?.Invoke() ?? Task.Delay(20));
        }
    }

    private static async Task<List<int>> VersionsAsync(string database)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand("SELECT index_version FROM documents ORDER BY index_version");
        await using var reader = await command.ExecuteReaderAsync();
        var versions = new List<int>();
        while (await reader.ReadAsync())
            versions.Add(reader.GetInt32(0));
        return versions;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
