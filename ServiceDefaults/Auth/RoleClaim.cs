using Microsoft.IdentityModel.JsonWebTokens;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>The claim <c>role</c> of identities and user tokens.</summary>
internal static class RoleClaim
{
    public const string Name = "role";

    public static string Write(Role role) => role switch
    {
        Role.Owner => "owner",
        Role.Teacher => "teacher",
        _ => "student",
    };

    /// <summary>Null where the token has none. A role that is not known here is the least.</summary>
    public static Role? Read(JsonWebToken jwt) => !jwt.TryGetPayloadValue<string>(Name, out var role)
        ? null
        : role switch
        {
            "owner" => Role.Owner,
            "teacher" => Role.Teacher,
            _ => Role.Student,
        };
}
