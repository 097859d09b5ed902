using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.ServiceDefaults.Shares;

/// <summary>Who takes part of a bound: a person (or an API token) of a tenant.</summary>
/// <param name="Kind">Decides the share, where <paramref name="Share"/> does not.</param>
/// <param name="Share">Of this caller alone; null: as <see cref="ShareOptions"/> says for its kind.</param>
public readonly record struct Sharer(
    string Tenant, string Person, CallerKind Kind = CallerKind.User, double? Share = null)
{
    public static Sharer Of(Caller caller) => new(caller.Tenant, caller.Person, caller.Kind, caller switch
    {
        // A service's own work: what people asked for was counted where they asked.
        { Share: null, Kind: CallerKind.Service, Act: null } => 1,
        _ => caller.Share,
    });

    /// <summary>Of each bound, while nobody else uses it.</summary>
    public double ShareOf(ShareOptions options) => Share ?? (Kind switch
    {
        CallerKind.User => options.Person,
        // A service for a person, whose own share it has applied at its door.
        _ => options.Token,
    });
}
