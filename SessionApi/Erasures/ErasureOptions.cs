namespace Lyceum.SessionApi.Erasures;

/// <summary>Section <c>Erasures</c>.</summary>
public sealed class ErasureOptions
{
    public const string Section = "Erasures";

    /// <summary>This service itself, which needs no address.</summary>
    public const string Own = "session-api";

    /// <summary>
    /// Who holds something of persons; each must confirm. One that cannot be reached is asked until it can.
    /// </summary>
    public string Services { get; set; } = $"{Own},chat-api,roadmap-worker,gateway";

    /// <summary>One call's bound.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest pause after failures, which begins at a second and doubles.</summary>
    public TimeSpan MaxBackoff { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// A person who has no password shows by a new sign-in, not older than this, that it is them who wants to go.
    /// </summary>
    public TimeSpan RecentSignIn { get; set; } = TimeSpan.FromMinutes(10);

    public IReadOnlyList<string> All =>
        Services.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
