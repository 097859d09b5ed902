using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Edge;

/// <summary>Which other sites' pages may call from a browser (section <c>cors</c>). None by default: the UI is the gateway's own.</summary>
internal sealed record CorsSettings : ISectionSettings
{
    public const string Any = "*";

    /// <summary>Scheme, host and port, as browsers send it (<c>https://app.example.org</c>); or <c>*</c>, alone.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    /// <summary>Whether those pages may call with the session cookie. Never with <c>*</c>.</summary>
    public bool Credentials { get; init; }

    public void Check(string path, SettingsCheck check)
    {
        foreach (var (index, origin) in Origins.Index())
        {
            check.ErrorIf(origin != Any && !IsOrigin(origin), $"{path}.origins[{index}]",
                "must be \"*\" or an origin such as https://app.example.org");
        }
        check.ErrorIf(Origins.Contains(Any) && Origins.Count > 1, $"{path}.origins", "\"*\" stands alone");
        check.ErrorIf(Origins.Contains(Any) && Credentials, $"{path}.credentials",
            "must be false where origins has \"*\"");
    }

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme is "http" or "https")
        && uri.GetLeftPart(UriPartial.Authority) == text;
}
