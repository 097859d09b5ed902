using System.Net;
using System.Text;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>A limit on rows holds also for those that are made in the same moment, at two replicas.</summary>
public sealed class CountedLimitTests(PostgresFixture postgres) : IDisposable
{
    private const int AtOnce = 50;
    private const int Limit = 20;

    private readonly IdentityFolder _identity = new("gateway", "session-api");

    public void Dispose() => _identity.Dispose();

    [Theory]
    [InlineData("Accounts:MaxOpenInvitations", "POST /api/auth/invitations", "conflict", "invitations")]
    [InlineData("Knowledge:MaxKnowledgeBases", "PUT /api/kb/kb-{0}", "limit_reached", "knowledge_bases")]
    [InlineData("Knowledge:MaxDocuments", "POST /api/kb/full/documents?name={0}.txt", "limit_reached", "documents")]
    public async Task Fifty_MadeAtOnce_AreNoMoreThanTheLimit(string setting, string request, string code, string table)
    {
        var database = await postgres.CreateDatabaseAsync();
        Dictionary<string, string?> settings = new() { [setting] = $"{Limit}" };
        await using var one = await TestSessions.StartAsync(_identity, database, settings: settings);
        await using var two = await TestSessions.StartAsync(_identity, database, settings: settings);
        var person = await one.PersonAsync();
        if (table == "documents")
            await one.SendAsync(HttpMethod.Put, "/api/kb/full", new { }, person.Identity());

        var (method, path) = (request.Split(' ')[0], request.Split(' ')[1]);
        var made = await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(i => MakeAsync(i % 2 == 0 ? one : two, i)));

        made.Count(response => response.StatusCode == HttpStatusCode.Created).ShouldBe(Limit);
        foreach (var refused in made.Where(response => response.StatusCode != HttpStatusCode.Created))
            await refused.ShouldBeProblem(HttpStatusCode.Conflict, code);
        await using var count = one.Database.CreateCommand($"SELECT count(*) FROM {table}");
        (await count.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe((long)Limit);

        Task<HttpResponseMessage> MakeAsync(TestSessions sessions, int number)
        {
            var message = new HttpRequestMessage(
                new HttpMethod(method), path.Replace("{0}", $"{number}", StringComparison.Ordinal))
            {
                Content = new StringContent("{}", Encoding.UTF8, table == "documents" ? "text/plain" : "application/json"),
            };
            message.Headers.Authorization = new("Bearer", person.Identity());
            return sessions.Client.SendAsync(message, TestContext.Current.CancellationToken);
        }
    }
}
