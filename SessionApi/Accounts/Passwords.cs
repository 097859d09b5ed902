using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// Hashes and checks passwords with ASP.NET Core's hasher: PBKDF2 with HMAC-SHA-512, a salt of 128 bits, function and cost
/// written into each hash. A hash costs 0.1-0.3 s of a core by intent; so no more are made at once than there are cores.
/// Cores go around among the addresses that ask: who floods from one waits behind itself. A class that signs in at the
/// same moment is served within half a minute; whoever would wait longer gets 429.
/// </summary>
internal sealed class Passwords
{
    /// <summary>OWASP's for PBKDF2-HMAC-SHA512 (Password Storage Cheat Sheet). A hash with fewer is replaced at the next sign-in.</summary>
    public const int Iterations = 210_000;

    public const int MinLength = 12;
    public const int MaxLength = 256;

    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    // Nobody is signed in yet: an address uses all cores while no other asks.
    private static readonly ShareOptions Whole = new() { Person = 1, Tenant = 1 };

    /// <summary>Of those that wait for a core, with those that have one.</summary>
    private const int MaxWaiting = 1_000;

    private readonly PasswordHasher<object> _hasher;
    // No more than an address may fail at once, or those who are right would be taken for guessers.
    private readonly SharedBound _cores = new(Math.Min(Environment.ProcessorCount, AttemptLimit.AtOnce), Whole);
    private readonly SharedBound _waiting;
    private readonly string _noAccount; // a hash to compare with where there is no account

    public Passwords(IOptions<PasswordHasherOptions> options, IOptions<ShareOptions> shares)
    {
        _waiting = new SharedBound(MaxWaiting, shares.Value);
        _hasher = new PasswordHasher<object>(options);
        _noAccount = _hasher.HashPassword(this, Secret.New());
    }

    /// <summary>
    /// What is wrong with a new password. As NIST SP 800-63B: a length, no rules of composition, and nothing that is guessed
    /// first.
    /// </summary>
    public static void Check(ValidationErrors errors, string field, string? password, string username)
    {
        if (string.IsNullOrEmpty(password))
            errors.Add(field, $"{field} must have {MinLength} to {MaxLength} characters.", ErrorCodes.WeakPassword);
        else if (password.Length is < MinLength or > MaxLength)
            errors.Add(field, $"{field} must have {MinLength} to {MaxLength} characters; this has {password.Length}.",
                ErrorCodes.WeakPassword);
        else if (CommonPasswords.Contains(password, username))
            errors.Add(
                field, $"{field} is one of those that are guessed first; choose another.", ErrorCodes.WeakPassword);
    }

    /// <param name="from">Whom it is for: an address, or an account.</param>
    /// <param name="first">Done when there is a core, before the password is hashed.</param>
    /// <exception cref="ProblemException">429 <c>overloaded</c>.</exception>
    public Task<string> HashAsync(
        string password, string from, CancellationToken cancellationToken, Func<Task>? first = null) =>
        OnACoreAsync(from, first, () => _hasher.HashPassword(this, password), cancellationToken);

    /// <summary>Whether it is the password, and whether its hash is of yesterday's cost.</summary>
    /// <param name="from">Whom it is for: an address, or an account.</param>
    /// <param name="hash">Null where there is no such account; it takes as long as where there is.</param>
    /// <param name="first">Done when there is a core, before the password is checked.</param>
    /// <exception cref="ProblemException">429 <c>overloaded</c>.</exception>
    public async Task<(bool Right, bool Outdated)> VerifyAsync(
        string? hash, string password, string from, Func<Task>? first, CancellationToken cancellationToken)
    {
        // No password is longer, and hashing must not cost what an attacker chooses.
        var shown = password.Length <= MaxLength ? password : "";
        var result = await OnACoreAsync(
            from, first, () => _hasher.VerifyHashedPassword(this, hash ?? _noAccount, shown), cancellationToken);
        return hash is null ? (false, false) : (result != PasswordVerificationResult.Failed, result == PasswordVerificationResult.SuccessRehashNeeded);
    }

    private async Task<T> OnACoreAsync<T>(
        string from, Func<Task>? first, Func<T> work, CancellationToken cancellationToken)
    {
        var who = new Sharer(from, from);
        using var waiting = _waiting.TryTake(who) ?? throw Overloaded();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(MaxWait);
        SharedBound.Held core;
        try
        {
            core = await _cores.TakeAsync(who, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Overloaded();
        }
        using (core)
        {
            if (first is not null)
                await first();
            return await Task.Run(work, cancellationToken);
        }
    }

    private static ProblemException Overloaded() => new(StatusCodes.Status429TooManyRequests, ErrorCodes.Overloaded,
        "More people sign in than this server can check at once. Try again shortly.", RetryAfter);
}
