using Microsoft.AspNetCore.Http;

namespace Lyceum.ServiceDefaults.Health;

/// <summary>
/// <c>PROGRAM --healthcheck</c>: asks the service that runs beside it for <c>/health</c> and says the answer by its exit status,
/// for container engines, whose images have no curl. 0: requests may be sent to it, 1: not.
/// </summary>
public static class HealthCommand
{
    public const string Argument = "--healthcheck";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>Called before anything is built: the probe starts nothing of the service.</summary>
    public static bool IsWanted(IReadOnlyList<string> args) => args is [Argument];

    public static async Task<int> RunAsync()
    {
        var url = Address(Environment.GetEnvironmentVariable);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = Limit };
        try
        {
            using var answer = await client.GetAsync(url);
            if (answer.IsSuccessStatusCode)
                return 0;
            await Console.Error.WriteLineAsync($"{url}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            await Console.Error.WriteLineAsync($"{url}: {e.Message}");
        }
        return 1;
    }

    /// <summary>Where a service with this environment listens, on loopback, as ASP.NET Core reads it.</summary>
    public static Uri Address(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        var urls = (variable("ASPNETCORE_URLS") ?? variable("URLS") ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries);
        var plain = urls.FirstOrDefault(url => url.StartsWith("http:", StringComparison.OrdinalIgnoreCase));
        var ports = (variable("ASPNETCORE_HTTP_PORTS") ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries);
        var listening = plain ?? $"http://127.0.0.1:{(ports is [var first, ..] ? first : "8080")}";
        var binding = BindingAddress.Parse(listening);
        var isEverywhere = binding.Host is "+" or "*" or "0.0.0.0" or "[::]";
        return new UriBuilder(Uri.UriSchemeHttp, isEverywhere ? "127.0.0.1" : binding.Host, binding.Port, "/health").Uri;
    }
}
