using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests.Documents;

/// <summary>A teacher who uploads files to a knowledge base of a tenant of their own.</summary>
public sealed class DocumentClient
{
    private readonly Uri _address;

    private DocumentClient(Uri address, IdentityFolder identity, string tenant)
    {
        _address = address;
        Token = identity.Token(tenant: tenant, scope: "tutors");
        Tenant = tenant;
    }

    public string Token { get; }

    public string Tenant { get; }

    public static async Task<DocumentClient> CreateAsync(Uri address, IdentityFolder identity, string? tenant = null)
    {
        var client = new DocumentClient(address, identity, tenant ?? $"t-{Guid.NewGuid():N}");
        using var made = await client.SendAsync(HttpMethod.Put, "", new StringContent("{}", MediaTypeHeaderValue.Parse("application/json")));
        made.IsSuccessStatusCode.ShouldBeTrue(await made.Content.ReadAsStringAsync());
        return client;
    }

    /// <param name="path">Below the knowledge base.</param>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null)
    {
        using var http = new HttpClient { BaseAddress = _address };
        using var request = new HttpRequestMessage(method, $"/api/kb/files{path}") { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return await http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using var response = await SendAsync(HttpMethod.Get, path);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        return await response.JsonAsync();
    }

    public Task<HttpResponseMessage> PostAsync(string name, byte[] file) =>
        SendAsync(HttpMethod.Post, $"/documents?name={Uri.EscapeDataString(name)}", new ByteArrayContent(file));

    /// <returns>The id of what is stored, and is being read.</returns>
    public async Task<Guid> UploadAsync(string name, byte[] file)
    {
        using var response = await PostAsync(name, file);
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted, await response.Content.ReadAsStringAsync());
        var document = await response.JsonAsync();
        response.Headers.Location!.OriginalString.ShouldEndWith($"/documents/{document.GetProperty("id").GetGuid()}");
        document.GetProperty("status").GetString().ShouldBe("queued");
        return document.GetProperty("id").GetGuid();
    }

    /// <returns>The document once it is ready or has failed.</returns>
    public async Task<JsonElement> EndAsync(Guid id, double seconds = 60)
    {
        JsonElement document = default;
        await Eventually.TrueAsync(async () =>
        {
            document = await GetAsync($"/documents/{id}");
            return document.GetProperty("status").GetString() is "ready" or "failed";
        }, "the document is read", seconds);
        return document;
    }

    public async Task<List<JsonElement>> SearchAsync(string question) =>
        [.. (await GetAsync($"/search?q={Uri.EscapeDataString(question)}")).GetProperty("passages").EnumerateArray()];

    public async Task<List<JsonElement>> DocumentsAsync() =>
        [.. (await GetAsync("/documents")).GetProperty("documents").EnumerateArray()];

    public async Task<string> ContentAsync(Guid id)
    {
        using var response = await SendAsync(HttpMethod.Get, $"/documents/{id}/content");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return await response.Content.ReadAsStringAsync();
    }
}
