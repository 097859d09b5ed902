namespace Lyceum.SessionApi.Accounts;

/// <summary>Who may have an account, and for how long one stays signed in (section <c>Accounts</c>).</summary>
public sealed class AccountOptions
{
    public const string Section = "Accounts";

    /// <summary>Whether registration is open. Null: in Development only; elsewhere it takes a code.</summary>
    public bool? OpenRegistration { get; set; }

    /// <summary>Whether accounts have passwords. False: people sign in with <see cref="Oidc"/> alone.</summary>
    public bool PasswordLogin { get; set; } = true;

    public OidcOptions Oidc { get; init; } = new();

    /// <summary>Of the JWT at the gateway. It cannot be revoked, so it is short.</summary>
    public TimeSpan AccessLifetime { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>A sign-in that is not refreshed for so long is over.</summary>
    public TimeSpan RefreshLifetime { get; set; } = TimeSpan.FromDays(30);

    public TimeSpan InvitationLifetime { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Invitations an account may have open. At the limit: 409 <c>conflict</c>.</summary>
    public int MaxOpenInvitations { get; set; } = 20;

    /// <summary>
    /// Failed attempts that an account may have at once; one is forgotten every <see cref="AccountForgiveness"/>. At the limit: 429
    /// <c>too_many_attempts</c>, before the password is checked.
    /// </summary>
    public int AccountAttempts { get; set; } = 10;

    public TimeSpan AccountForgiveness { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The same for an address that tries many accounts. Loopback has no such limit.</summary>
    public int AddressAttempts { get; set; } = 50;

    public TimeSpan AddressForgiveness { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Accounts that an address may make at once where registration is open; one more every
    /// <see cref="AddressForgiveness"/>. At the limit: 429 <c>too_many_attempts</c>. Invited ones are not counted.
    /// </summary>
    public int AddressRegistrations { get; set; } = 300;

    /// <summary>Every validation error, or none.</summary>
    internal IEnumerable<string> Errors()
    {
        if (!PasswordLogin && !Oidc.IsConfigured)
            yield return $"{Section}:PasswordLogin is false and {Section}:Oidc:Authority not set; nobody could sign in";
        foreach (var error in Oidc.Errors())
            yield return error;
        foreach (var (name, value) in new[]
        {
            (nameof(AccessLifetime), AccessLifetime), (nameof(RefreshLifetime), RefreshLifetime),
            (nameof(InvitationLifetime), InvitationLifetime), (nameof(AccountForgiveness), AccountForgiveness),
            (nameof(AddressForgiveness), AddressForgiveness),
        })
        {
            if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(365))
                yield return $"{Section}:{name} is {value}; it must be above 0 and at most a year";
        }
        foreach (var (name, value) in new[]
        {
            (nameof(MaxOpenInvitations), MaxOpenInvitations), (nameof(AccountAttempts), AccountAttempts),
            (nameof(AddressAttempts), AddressAttempts), (nameof(AddressRegistrations), AddressRegistrations),
        })
        {
            if (value < 1)
                yield return $"{Section}:{name} is {value}; it must be at least 1";
        }
    }
}
