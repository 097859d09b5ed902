using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.ServiceDefaults.Shares;

/// <summary>
/// How much of each bound (<see cref="SharedBound"/>) one caller may hold while nobody else uses it; section
/// <c>Shares</c>. The rest stays free for others. Above 0 and at most 1; 1 keeps nothing free.
/// </summary>
public sealed class ShareOptions
{
    public const string Section = "Shares";

    /// <summary>One person who signed in.</summary>
    public double Person { get; set; } = 0.5;

    /// <summary>
    /// One API token, which may act for many people; the gateway's file may give a token its own
    /// (<c>auth.tokens[].share</c>).
    /// </summary>
    public double Token { get; set; } = 0.75;

    /// <summary>All people and tokens of one tenant together.</summary>
    public double Tenant { get; set; } = 0.875;

    /// <summary>Whether it can be a share.</summary>
    public static bool IsShare(double value) => value is > 0 and <= 1;
}

internal static class ShareRegistration
{
    public static void AddShareOptions(this WebApplicationBuilder builder) =>
        builder.Services.AddOptions<ShareOptions>().BindConfiguration(ShareOptions.Section)
            .Validate(shares => ShareOptions.IsShare(shares.Person) && ShareOptions.IsShare(shares.Token)
                && ShareOptions.IsShare(shares.Tenant),
                "Shares: Person, Token and Tenant must be above 0 and at most 1")
            .ValidateOnStart();
}
