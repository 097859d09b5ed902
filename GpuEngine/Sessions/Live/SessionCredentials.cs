using System.Buffers.Text;
using System.Security.Cryptography;
using Lyceum.GpuEngine.Sessions.Settings;

namespace Lyceum.GpuEngine.Sessions.Live;

/// <summary>
/// What opens a session's socket: connect tokens, short-lived and good for one connection, and the resume handle that each
/// connection is given for the next one. Random, kept in memory with the session they belong to, compared in constant time.
/// </summary>
/// <remarks>
/// A handle is spent when the connection it opened has sent a message: otherwise a client whose
/// next handle was lost with a broken connection would be locked out.
/// </remarks>
internal sealed class SessionCredentials(LiveSessionOptions options, TimeProvider time)
{
    private const int SecretBytes = 32;

    // Page reloads ask for new ones; the oldest is dropped.
    private const int MaxTokens = 16;

    private readonly Lock _lock = new(); // around all below
    private readonly LinkedList<(byte[] Secret, long IssuedAt)> _tokens = new();
    private byte[]? _handle;
    private byte[]? _handleBefore;

    /// <summary>A connect token, to be redeemed once, soon.</summary>
    public string IssueToken()
    {
        var secret = Secret();
        lock (_lock)
        {
            _tokens.AddLast((secret, time.GetTimestamp()));
            if (_tokens.Count > MaxTokens)
                _tokens.RemoveFirst();
        }
        return Base64Url.EncodeToString(secret);
    }

    /// <summary>Whether this token opens a connection; true once for each token.</summary>
    public bool TryRedeemToken(string token)
    {
        if (!TryDecode(token, out var secret))
            return false;
        lock (_lock)
        {
            for (var node = _tokens.First; node is not null; node = node.Next)
            {
                if (CryptographicOperations.FixedTimeEquals(node.Value.Secret, secret))
                {
                    _tokens.Remove(node);
                    return time.GetElapsedTime(node.Value.IssuedAt) <= options.ConnectTokenLifetime;
                }
            }
            return false;
        }
    }

    /// <summary>The handle of a connection that begins now. The one that opened it holds until <see cref="HandleArrived"/>.</summary>
    public string IssueHandle()
    {
        var secret = Secret();
        lock (_lock)
            (_handleBefore, _handle) = (_handleBefore ?? _handle, secret);
        return Base64Url.EncodeToString(secret);
    }

    /// <summary>Whether this handle opens a connection.</summary>
    public bool TryRedeemHandle(string handle)
    {
        if (!TryDecode(handle, out var secret))
            return false;
        lock (_lock)
        {
            if (_handle is not null && CryptographicOperations.FixedTimeEquals(_handle, secret))
            {
                // The client has this one, so the one before is spent.
                _handleBefore = null;
                return true;
            }
            return _handleBefore is not null && CryptographicOperations.FixedTimeEquals(_handleBefore, secret);
        }
    }

    /// <summary>The client of the newest connection speaks, so it has its handle: the one before is spent.</summary>
    public void HandleArrived()
    {
        lock (_lock)
            _handleBefore = null;
    }

    private static byte[] Secret() => RandomNumberGenerator.GetBytes(SecretBytes);

    private static bool TryDecode(string text, out byte[] secret)
    {
        secret = new byte[SecretBytes];
        return text.Length <= 64 && Base64Url.IsValid(text)
            && Base64Url.TryDecodeFromChars(text, secret, out var written) && written == SecretBytes;
    }
}
