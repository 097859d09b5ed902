using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>What a tenant may keep is bounded, exactly, also where many ask at once.</summary>
public sealed class QuotaTests(PostgresFixture postgres) : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "session-api");
    private TestSessions _sessions = null!;

    public async ValueTask InitializeAsync() => _sessions = await TestSessions.StartAsync(
        _identity, await postgres.CreateDatabaseAsync(), settings: new()
        {
            ["Tutors:MaxTutors"] = "3", ["Knowledge:MaxBytes"] = "1000", ["Knowledge:MaxPassages"] = "12",
        });

    public async ValueTask DisposeAsync()
    {
        await _sessions.DisposeAsync();
        _identity.Dispose();
    }

    private string Token(string tenant) => _identity.Token(tenant: tenant, scope: "tutors");

    [Fact]
    public async Task Tutors_OfATenant_AreBounded()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => _sessions.PostAsync("/api/tutors", new { name = $"t{i}" }, Token("a"))));

        made.Count(response => response.StatusCode == HttpStatusCode.Created).ShouldBe(3);
        foreach (var refused in made.Where(response => response.StatusCode != HttpStatusCode.Created))
            await refused.ShouldBeProblem(HttpStatusCode.Conflict, "limit_reached");
        (await _sessions.PostAsync("/api/tutors", new { name = "t" }, Token("b"))).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Documents_OfATenant_AreBoundedInBytesAndPassages()
    {
        foreach (var (tenant, kb) in (List<(string, string)>)[("k", "one"), ("k", "two"), ("other", "one")])
            (await _sessions.SendAsync(HttpMethod.Put, $"/api/kb/{kb}", new { }, Token(tenant))).IsSuccessStatusCode.ShouldBeTrue();

        var sent = await Task.WhenAll(Enumerable.Range(0, 8).Select(
            i => UploadAsync("k", i % 2 == 0 ? "one" : "two", $"{i}.txt", new string('a', 300))));
        sent.Count(response => response.StatusCode == HttpStatusCode.Created).ShouldBe(3);
        foreach (var refused in sent.Where(response => response.StatusCode != HttpStatusCode.Created))
            await refused.ShouldBeProblem(HttpStatusCode.Conflict, "limit_reached");

        var kept = Enumerable.Range(0, 8).First(i => sent[i].StatusCode == HttpStatusCode.Created);
        // What is replaced does not count; short passages do, each.
        (await UploadAsync("k", kept % 2 == 0 ? "one" : "two", $"{kept}.txt", new string('b', 390))).StatusCode.ShouldBe(HttpStatusCode.Created);
        await (await UploadAsync("other", "one", "a.md", string.Concat(Enumerable.Repeat("# h\nt\n", 13)), "text/markdown"))
            .ShouldBeProblem(HttpStatusCode.Conflict, "limit_reached");
        (await UploadAsync("other", "one", "a.md", string.Concat(Enumerable.Repeat("# h\nt\n", 12)), "text/markdown"))
            .StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    private async Task<HttpResponseMessage> UploadAsync(string tenant, string kb, string name, string text, string type = "text/plain")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/kb/{kb}/documents?name={name}")
        {
            Content = new StringContent(text, Encoding.UTF8, type),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token(tenant));
        return await _sessions.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
