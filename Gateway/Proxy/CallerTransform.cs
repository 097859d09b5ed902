using System.Buffers;
using Lyceum.Gateway.Auth;
using Lyceum.Gateway.Edge;
using Lyceum.ServiceDefaults.Auth;
using Yarp.ReverseProxy.Transforms;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Replaces the caller's credentials by a minted identity, and removes internal headers that the caller sent. Only the
/// cookies for signing in and for renewing a sign-in are forwarded, to the one service that verifies them.
/// </summary>
internal sealed class CallerTransform(IdentityTokens identities) : RequestTransform
{
    private const string InternalPrefix = "X-Lyceum-";

    private static readonly SearchValues<char> TokenCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    private static readonly string[] Credentials = ["Authorization", CallerHandler.ApiKeyHeader, "Proxy-Authorization", "Cookie", "Forwarded"];

    public override ValueTask ApplyAsync(RequestTransformContext context)
    {
        var headers = context.ProxyRequest.Headers;
        foreach (var name in Credentials)
            headers.Remove(name);
        foreach (var (name, _) in context.HttpContext.Request.Headers)
        {
            if (name.StartsWith(InternalPrefix, StringComparison.OrdinalIgnoreCase))
                headers.Remove(name);
        }

        PassOn(context, UserCookies.Refresh, UserCookies.RefreshPath, 200);
        PassOn(context, UserCookies.Oidc, UserCookies.OidcPath, 4096);
        if (context.HttpContext.User.Identity is CallerIdentity identity)
            headers.TryAddWithoutValidation("Authorization", "Bearer " + identities.ForCaller(identity.Caller));
        ServerTiming.Send(context.HttpContext);
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Forwards a cookie to the one path that verifies it. Only if it has the characters of a token: a parsed cookie
    /// may contain a separator that would make two cookies of it.
    /// </summary>
    private static void PassOn(RequestTransformContext context, string cookie, string path, int maxLength)
    {
        var request = context.HttpContext.Request;
        var name = request.Cookies.ContainsKey(UserCookies.HostPrefix + cookie) ? UserCookies.HostPrefix + cookie : cookie;
        if (request.Path.StartsWithSegments(path) && request.Cookies[name] is { Length: > 0 } token && token.Length < maxLength
            && !token.AsSpan().ContainsAnyExcept(TokenCharacters))
            context.ProxyRequest.Headers.TryAddWithoutValidation("Cookie", $"{name}={token}");
    }
}
