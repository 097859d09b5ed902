using Lyceum.Gateway.Auth;
using Lyceum.Gateway.Limits;
using Lyceum.Gateway.Tls;
using Lyceum.Gateway.Tools;

namespace Lyceum.Gateway.Settings;

/// <summary>
/// The gateway's configuration file (<c>GATEWAY_CONFIG_FILE</c>, docs/running-gateway.md) as an immutable value. Keys are the
/// properties in snake_case; what is not there has its default.
/// </summary>
/// <remarks>
/// A new section is a <c>sealed record</c> beside its feature: <c>init</c> properties with defaults, <c>required</c> where there is
/// none, nullable only where <c>null</c> means something; a property here; and, if more can be wrong with it than its shape, a
/// <c>Check(path, check)</c> called below. Readers take <see cref="SettingsMonitor.Current"/> for each request, or
/// derive something costly when <see cref="SettingsMonitor.Changed"/> says so.
/// </remarks>
internal sealed record GatewaySettings
{
    public AuthSettings Auth { get; init; } = new();

    public CorsSettings Cors { get; init; } = new();

    public LimitsSettings Limits { get; init; } = new();

    public TlsSettings Tls { get; init; } = new();

    public ToolSettings Tools { get; init; } = new();

    /// <summary>What is wrong beyond the shape, all of it.</summary>
    public void Check(SettingsCheck check)
    {
        Auth.Check("auth", check);
        Cors.Check("cors", check);
        Limits.Check("limits", check);
        Tls.Check("tls", check);
        Tools.Check("tools", check);
    }
}
