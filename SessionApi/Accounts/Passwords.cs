using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// Hashes and checks passwords with ASP.NET Core's hasher: PBKDF2 with HMAC-SHA-512, a salt of 128 bits, function and cost
/// written into each hash. A hash costs 0.1-0.3 s of a core by intent; so no more are made at once than there are cores, and
/// whoever would wait longer than 5 s gets 429.
/// </summary>
internal sealed class Passwords : IDisposable
{
    /// <summary>OWASP's for PBKDF2-HMAC-SHA512 (Password Storage Cheat Sheet). A hash with fewer is replaced at the next sign-in.</summary>
    public const int Iterations = 210_000;

    public const int MinLength = 12;
    public const int MaxLength = 256;

    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

    private readonly PasswordHasher<object> _hasher;
    private readonly SemaphoreSlim _cores = new(Environment.ProcessorCount);
    private readonly string _noAccount; // a hash to compare with where there is no account

    public Passwords(IOptions<PasswordHasherOptions> options)
    {
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

    /// <exception cref="ProblemException">429 <c>overloaded</c>.</exception>
    public Task<string> HashAsync(string password, CancellationToken cancellationToken) =>
        OnACoreAsync(() => _hasher.HashPassword(this, password), cancellationToken);

    /// <summary>Whether it is the password, and whether its hash is of yesterday's cost.</summary>
    /// <param name="hash">Null where there is no such account; it takes as long as where there is.</param>
    /// <exception cref="ProblemException">429 <c>overloaded</c>.</exception>
    public async Task<(bool Right, bool Outdated)> VerifyAsync(string? hash, string password, CancellationToken cancellationToken)
    {
        // No password is longer, and hashing must not cost what an attacker chooses.
        var shown = password.Length <= MaxLength ? password : "";
        var result = await OnACoreAsync(
            () => _hasher.VerifyHashedPassword(this, hash ?? _noAccount, shown), cancellationToken);
        return hash is null ? (false, false) : (result != PasswordVerificationResult.Failed, result == PasswordVerificationResult.SuccessRehashNeeded);
    }

    private async Task<T> OnACoreAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        if (!await _cores.WaitAsync(MaxWait, cancellationToken))
        {
            throw new ProblemException(StatusCodes.Status429TooManyRequests, ErrorCodes.Overloaded,
                "More people sign in than this server can check at once. Try again shortly.", MaxWait);
        }
        try
        {
            return await Task.Run(work, cancellationToken);
        }
        finally
        {
            _cores.Release();
        }
    }

    public void Dispose() => _cores.Dispose();
}
