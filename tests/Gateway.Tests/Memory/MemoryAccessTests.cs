using System.Net;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Memory;

public sealed class MemoryAccessTests
{
    private static readonly (HttpMethod Method, string Path, string Body)[] Routes =
    [
        (HttpMethod.Post, "/api/repo/append", """{"records": [{"id": "a"}]}"""),
        (HttpMethod.Get, "/api/graph/recall?start=a", ""),
        (HttpMethod.Post, "/api/observe/emit", """{"events": [{"type": "t"}]}"""),
        (HttpMethod.Get, "/api/observe/events", ""),
    ];

    [Fact]
    public async Task Routes_NeedTheirScope_AndTheDatabase()
    {
        using var identity = new IdentityFolder("gateway");
        await using var gateway = TestGateway.Start(identity, new() // whose database nobody can reach
        {
            ["Auth:Tokens:1:id"] = "memory", ["Auth:Tokens:1:tenant"] = "acme",
            ["Auth:Tokens:1:secret_sha256"] = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData("memory"u8)),
            ["Auth:Tokens:1:scopes:0"] = "repo", ["Auth:Tokens:1:scopes:1"] = "graph", ["Auth:Tokens:1:scopes:2"] = "observe",
        });
        foreach (var (method, path, body) in Routes)
        {
            HttpContent? Content() => body.Length == 0 ? null : new StringContent(body, System.Text.Encoding.UTF8, "application/json");
            await (await gateway.SendAsync(method, path, token: null, Content())).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
            await (await gateway.SendAsync(method, path, TestGateway.Secret, Content())).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
            using var away = await gateway.SendAsync(method, path, "memory", Content());
            await away.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "database_unavailable");
            away.Headers.RetryAfter.ShouldNotBeNull();
        }
    }
}
