using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.SessionApi.Accounts.Oidc;

/// <summary>
/// A sign-in under way, kept by the browser that began it, in a signed cookie: so any replica can end it, and only this
/// browser. The provider sees <paramref name="State"/>, <paramref name="Nonce"/> and the hash of <paramref name="Verifier"/>.
/// </summary>
/// <param name="State">Comes back with the code: it is this browser's.</param>
/// <param name="Nonce">Comes back in the id token: it was issued for this sign-in.</param>
/// <param name="Verifier">Of PKCE: only who began can redeem the code.</param>
/// <param name="RedirectUri">As the provider was told; the code is bound to it.</param>
/// <param name="ReturnTo">By <see cref="Oidc.ReturnTo"/>.</param>
/// <param name="Codes">For who has no account yet.</param>
internal sealed record OidcState(string State, string Nonce, string Verifier, string RedirectUri, string ReturnTo, Codes Codes)
{
    /// <summary>Time for a person to find a password, and a second factor.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private const string Purpose = "oidc";

    public static OidcState Begin(string redirectUri, string returnTo, Codes codes) =>
        new(Secret.New(), Secret.New(), Secret.New(), redirectUri, returnTo, codes);

    public string Write(SignedNotes notes) => notes.Write(
        Purpose,
        new Dictionary<string, string>
        {
            ["state"] = State, ["nonce"] = Nonce, ["verifier"] = Verifier, ["redirect_uri"] = RedirectUri, ["return_to"] = ReturnTo,
            ["setup"] = Codes.Setup ?? "", ["invitation"] = Codes.Invitation ?? "",
        },
        Lifetime);

    /// <summary>Null where there is none, or it is forged or too old.</summary>
    public static async ValueTask<OidcState?> ReadAsync(SignedNotes notes, string? cookie) =>
        await notes.ReadAsync(Purpose, cookie) is { } note
            ? new(
                note["state"], note["nonce"], note["verifier"], note["redirect_uri"], note["return_to"],
                new(note["setup"], note["invitation"]))
            : null;
}
