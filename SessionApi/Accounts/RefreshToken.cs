namespace Lyceum.SessionApi.Accounts;

/// <summary><c>{sign-in}.{secret}</c>: which family, and that it is the newest of it.</summary>
internal readonly record struct RefreshToken(Guid SignIn, string Secret)
{
    public byte[] Hash => Accounts.Secret.Hash(Secret);

    /// <summary>Null for what is none.</summary>
    public static RefreshToken? Parse(string? text) =>
        text is { Length: > 33 and < 200 } && text[32] == '.' && Guid.TryParseExact(text[..32], "N", out var id)
            ? new(id, text[33..])
            : null;

    public override string ToString() => $"{SignIn:N}.{Secret}";
}
