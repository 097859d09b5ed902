using System.Text.Json;
using Lyceum.Tests.Support.WholeSystem;
using Npgsql;

namespace Lyceum.Tests.Bench;

/// <summary>A running system, known by its data folder: where its services are, and what they were given.</summary>
internal sealed class RunningSystem(DirectoryInfo data)
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
        var entries = (await File.ReadAllTextAsync($"/proc/{await PidAsync(service, cancel)}/environ", cancel)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        return entries.Select(entry => entry.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
    }

    /// <summary>A service's connection string, but as the server's administrator: its own role may do no more than it needs.</summary>
    public async Task<string> AdministratorAsync(string service, string database, CancellationToken cancel)
    {
        var own = (await EnvironmentAsync(service, cancel))[$"ConnectionStrings__{database}"];
        var server = new NpgsqlConnectionStringBuilder(
            (await ResourcesAsync(cancel)).First(r => Name(r) == "postgres").GetProperty("connection_string").GetString());
        return new NpgsqlConnectionStringBuilder(own) { Username = server.Username, Password = server.Password }.ConnectionString;
    }

    public async Task<int> PidAsync(string service, CancellationToken cancel) =>
        (await ResourcesAsync(cancel)).First(r => Name(r) == service).GetProperty("pid").GetInt32();

    /// <summary>With it a service is asked directly.</summary>
    public string Identity() => GatewayIdentity.Token(data.FullName);

    private async Task<List<JsonElement>> ResourcesAsync(CancellationToken cancel)
    {
        using var state = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(data.FullName, "state.json"), cancel));
        return [.. state.RootElement.GetProperty("resources").EnumerateArray().Select(resource => resource.Clone())];
    }

    private static string Name(JsonElement resource) => resource.GetProperty("name").GetString()!;
}
