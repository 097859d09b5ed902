using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Lyceum.Client;

/// <summary>How a client says who it is. One object may serve several clients.</summary>
public abstract class LyceumCredentials
{
    private protected LyceumCredentials()
    {
    }

    internal delegate Task<SignedInView> Post(string path, object body, CancellationToken cancellationToken);

    /// <summary>An API token, or an access token that somebody else renews.</summary>
    public static LyceumCredentials Token(string token) => new Fixed(token);

    /// <summary>Signs in when first needed, and again when the sign-in was ended. The password is kept in memory.</summary>
    /// <param name="tenant">For who belongs to several organisations; absent: the account's own.</param>
    public static LyceumCredentials Password(string username, string password, string? tenant = null) =>
        new SignIn(new SignInRequest { Username = username, Password = password, Tenant = tenant }, null, null);

    /// <summary>Goes on with a sign-in by its refresh token.</summary>
    /// <param name="renewed">Told each next refresh token, to keep it for the program's next start. Called by one thread at a time.</param>
    public static LyceumCredentials RefreshToken(string refreshToken, Action<string>? renewed = null) => new SignIn(null, refreshToken, renewed);

    /// <summary>Signs each request with a key of the gateway's (<c>auth.hmac_keys</c>); the secret is never sent.</summary>
    public static LyceumCredentials HmacKey(string keyId, string secret, TimeProvider? timeProvider = null) =>
        new HmacSigner(keyId, secret, timeProvider ?? TimeProvider.System);

    /// <param name="rejected">What this returned before, if that was answered 401.</param>
    /// <returns>The token that was used; null where nothing can be renewed.</returns>
    internal abstract ValueTask<string?> AuthorizeAsync(
        HttpRequestMessage request, Post post, string? rejected, CancellationToken cancellationToken);

    private sealed class Fixed(string token) : LyceumCredentials
    {
        internal override ValueTask<string?> AuthorizeAsync(
            HttpRequestMessage request, Post post, string? rejected, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new("Bearer", token);
            return new((string?)null);
        }
    }

#pragma warning disable CA1001 // A semaphore without its wait handle has nothing to dispose.
    private sealed class SignIn(SignInRequest? password, string? refreshToken, Action<string>? renewed) : LyceumCredentials
#pragma warning restore CA1001
    {
        /// <summary>An access token is renewed so long before its end.</summary>
        private static readonly TimeSpan Early = TimeSpan.FromSeconds(30);

        private readonly SemaphoreSlim _one = new(1);
        private string? _refresh = refreshToken;
        private string? _access;
        private long _until; // Environment.TickCount64

        internal override async ValueTask<string?> AuthorizeAsync(
            HttpRequestMessage request, Post post, string? rejected, CancellationToken cancellationToken)
        {
            await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (_access is null || _access == rejected || Environment.TickCount64 >= _until)
                    await RenewAsync(post, cancellationToken).ConfigureAwait(false);
                request.Headers.Authorization = new("Bearer", _access);
                return _access;
            }
            finally
            {
                _one.Release();
            }
        }

        private async Task RenewAsync(Post post, CancellationToken cancellationToken)
        {
            SignedInView? view = null;
            if (_refresh is not null)
            {
                try
                {
                    view = await post("/api/auth/refresh", new RefreshRequest { RefreshToken = _refresh }, cancellationToken).ConfigureAwait(false);
                }
                catch (LyceumException e) when (!e.IsTransient && password is not null)
                {
                    _refresh = null; // that sign-in was ended
                }
            }
            view ??= await post("/api/auth/login", password!, cancellationToken).ConfigureAwait(false);
            _access = view.AccessToken;
            var valid = TimeSpan.FromSeconds(view.ExpiresIn);
            _until = Environment.TickCount64 + (long)(valid > Early * 2 ? valid - Early : valid).TotalMilliseconds;
            if (view.RefreshToken is { } next && next != _refresh)
            {
                _refresh = next;
                renewed?.Invoke(next);
            }
        }
    }

    private sealed class HmacSigner(string keyId, string secret, TimeProvider timeProvider) : LyceumCredentials
    {
        internal override async ValueTask<string?> AuthorizeAsync(
            HttpRequestMessage request, Post post, string? rejected, CancellationToken cancellationToken)
        {
            var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            var (date, nonce, digest) = (
                timeProvider.GetUtcNow().UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", System.Globalization.CultureInfo.InvariantCulture),
                Guid.NewGuid().ToString(), Convert.ToHexStringLower(SHA256.HashData(body)));
            var canonical = string.Join(
                '\n', "LYCEUM-HMAC-SHA256", keyId, request.Method.Method, request.RequestUri!.PathAndQuery, date, nonce, digest);
            var signature = Convert.ToHexStringLower(
                HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret.Trim()), Encoding.UTF8.GetBytes(canonical)));
            request.Headers.Authorization = AuthenticationHeaderValue.Parse(
                $"HMAC key_id=\"{keyId}\", nonce=\"{nonce}\", signature=\"{signature}\"");
            Set(request, "x-sb-date", date);
            Set(request, "x-content-sha256", digest);
            return null;
        }

        private static void Set(HttpRequestMessage request, string name, string value)
        {
            request.Headers.Remove(name);
            request.Headers.Add(name, value);
        }
    }
}
