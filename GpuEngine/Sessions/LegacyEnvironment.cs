using Lyceum.GpuEngine.Addressing;
using Lyceum.GpuEngine.Sessions.Settings;
using Microsoft.Extensions.Configuration.Memory;

namespace Lyceum.GpuEngine.Sessions;

/// <summary>
/// Compatibility with the environment variables of earlier engines: <c>MAX_SESSIONS</c>,
/// <c>SESSION_TIMEOUT_SECONDS</c>, <c>WEBSOCKET_URL</c>, and where to listen, <c>MANAGEMENT_API_HOST</c>/<c>_PORT</c>
/// and <c>WEBSOCKET_HOST</c>/<c>_PORT</c> (everything is served at each of these addresses). .NET's own names take
/// precedence.
/// </summary>
internal static class LegacyEnvironment
{
    public static void AddLegacyEnvironment(this WebApplicationBuilder builder)
    {
        var environment = builder.Configuration;
        var mapped = new Dictionary<string, string?>();
        Map("MAX_SESSIONS", $"{LiveSessionOptions.Section}:{nameof(LiveSessionOptions.Max)}",
            value => Number("MAX_SESSIONS", value).ToString());
        Map("SESSION_TIMEOUT_SECONDS", $"{LiveSessionOptions.Section}:{nameof(LiveSessionOptions.Timeout)}",
            value => TimeSpan.FromSeconds(Number("SESSION_TIMEOUT_SECONDS", value)).ToString());
        Map("WEBSOCKET_URL", $"{EngineAddressOptions.Section}:{nameof(EngineAddressOptions.PublicUrl)}", value => value);
        // The first source: every other one takes precedence.
        ((IConfigurationBuilder)environment).Sources.Insert(0, new MemoryConfigurationSource { InitialData = mapped });

        var addresses = new[] { Address("MANAGEMENT_API"), Address("WEBSOCKET") }.OfType<string>().Distinct().ToArray();
        if (addresses.Length > 0 && string.IsNullOrEmpty(environment["urls"]))
            builder.WebHost.UseUrls(addresses);

        void Map(string name, string setting, Func<string, string> value)
        {
            if (environment[name] is { Length: > 0 } given)
                mapped[setting] = value(given);
        }

        string? Address(string prefix) => environment[$"{prefix}_PORT"] is { Length: > 0 } port
            ? $"http://{(environment[$"{prefix}_HOST"] is { Length: > 0 } host ? host : "127.0.0.1")}:{Number($"{prefix}_PORT", port)}"
            : null;
    }

    private static int Number(string name, string value) => int.TryParse(value, out var number) && number >= 0
        ? number
        : throw new InvalidOperationException($"environment variable {name} is '{value}'; it must be a whole number");
}
