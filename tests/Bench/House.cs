using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.Bench;

/// <summary>A running system, known by its data folder: where its services are, and what they were given.</summary>
internal sealed class House(DirectoryInfo data)
{
    /// <summary>The addresses of a service and of its replicas (<c>chat-api</c>, <c>chat-api-2</c>, …), in order.</summary>
    public async Task<List<Uri>> UrlsAsync(string service, CancellationToken cancel)
    {
        var resources = await ResourcesAsync(cancel);
        return [.. resources.Where(r => Name(r) == service || Name(r).StartsWith(service + "-", StringComparison.Ordinal))
            .Select(r => new Uri(r.GetProperty("urls").EnumerateArray().First().GetString()!))];
    }

    public async Task<string> DevelopmentTokenAsync(CancellationToken cancel) =>
        (await File.ReadAllTextAsync(Path.Combine(data.FullName, "dev-token"), cancel)).Trim();

    /// <summary>Everything in the environment of a service's process: what AppHost gave it, and what it inherited.</summary>
    public async Task<Dictionary<string, string>> EnvironmentAsync(string service, CancellationToken cancel)
    {
        var pid = (await ResourcesAsync(cancel)).First(r => Name(r) == service).GetProperty("pid").GetInt32();
        var entries = (await File.ReadAllTextAsync($"/proc/{pid}/environ", cancel)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        return entries.Select(entry => entry.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
    }

    /// <summary>
    /// What the gateway would tell a service of the development token's owner, signed with the gateway's own key: with it
    /// a service is asked directly. Holds for an hour.
    /// </summary>
    public string Identity()
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Path.Combine(data.FullName, "keys", "gateway.pem")));
        var kid = "gateway-" + Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..16];
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var signed = Part(new { alg = "ES256", typ = "JWT", kid }) + "." + Part(new
        {
            iss = "gateway", aud = "lyceum", sub = "dev", tenant = "dev", kind = "token", scope = "chat llm", iat = now, exp = now + 3600,
        });
        return signed + "." + Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256));

        static string Part(object value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value));
    }

    private async Task<List<JsonElement>> ResourcesAsync(CancellationToken cancel)
    {
        using var state = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(data.FullName, "state.json"), cancel));
        return [.. state.RootElement.GetProperty("resources").EnumerateArray().Select(resource => resource.Clone())];
    }

    private static string Name(JsonElement resource) => resource.GetProperty("name").GetString()!;
}
