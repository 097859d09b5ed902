using System.Buffers;
using Lyceum.Gateway.Auth;
using Lyceum.ServiceDefaults.Auth;
using Yarp.ReverseProxy.Transforms;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// What a service gets to know of the caller: a minted identity, and nothing the caller said about itself. The caller's
/// own credentials end here, but for the cookies of who is about to sign in or to renew a sign-in.
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
    /// A credential that goes on, to the one place that can judge it. Only what looks like one: a parsed cookie may hold what
    /// would be two in a header.
    /// </summary>
    private static void PassOn(RequestTransformContext context, string cookie, string path, int maxLength)
    {
        var request = context.HttpContext.Request;
        if (request.Path.StartsWithSegments(path) && request.Cookies[cookie] is { Length: > 0 } token && token.Length < maxLength
            && !token.AsSpan().ContainsAnyExcept(TokenCharacters))
            context.ProxyRequest.Headers.TryAddWithoutValidation("Cookie", $"{cookie}={token}");
    }
}
