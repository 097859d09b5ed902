namespace Lyceum.Gateway.Auth.Rejections;

/// <summary>
/// Why a request is rejected: the values of <c>reason</c> in metrics and logs. A fixed set, never a caller's text.
/// </summary>
internal static class RejectionReason
{
    public const string Missing = "missing";
    public const string Malformed = "malformed";
    public const string Ambiguous = "ambiguous";
    public const string Unknown = "unknown";
    public const string Expired = "expired";
    public const string Replaced = "replaced";
    public const string UserToken = "user_token";
    public const string Date = "date";
    public const string Signature = "signature";
    public const string Body = "body";
    public const string Replay = "replay";
    public const string Scope = "scope";
    public const string Origin = "origin";

    /// <summary>For the caller, as the end of a sentence.</summary>
    public static string Words(string reason) => reason switch
    {
        Malformed => "it is not of a form that is understood here",
        Date => "x-sb-date is more than 300 s off",
        // One text for both, so that it does not tell which keys exist.
        Signature => "key or signature are wrong",
        Body => "the body is not the one that was signed",
        Replay => "its nonce was used before",
        Ambiguous => "send one credential, not several",
        Unknown => "unknown token",
        Expired => "expired",
        Replaced => "it was replaced by another",
        _ => reason,
    };
}
