using System.Net;
using System.Security.Cryptography;
using System.Text;
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
        var hash = Convert.ToHexString(SHA256.HashData("memory"u8));
        await using var gateway = TestGateway.Start(identity, configure: configuration => configuration["auth"]!["tokens"]!.AsArray()
            .Add(TestGateway.Token("memory", "acme", ["repo", "graph", "observe"], ("secret_sha256", hash)))); // whose database nobody can reach
        foreach (var (method, path, body) in Routes)
        {
            HttpContent? Content() => body.Length == 0 ? null : new StringContent(body, Encoding.UTF8, "application/json");
            await (await gateway.SendAsync(method, path, token: null, Content())).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
            await (await gateway.SendAsync(method, path, TestGateway.Secret, Content())).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
            using var away = await gateway.SendAsync(method, path, "memory", Content());
            await away.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "database_unavailable");
            away.Headers.RetryAfter.ShouldNotBeNull();
        }
    }
}
