using System.Net.Http.Headers;
using Lyceum.ServiceDefaults.Auth;
using Yarp.ReverseProxy.Transforms;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// What a service gets to know of the caller: a minted identity, and nothing the caller said about itself. The caller's
/// own credentials end here.
/// </summary>
internal sealed class CallerTransform(IdentityTokens identities) : RequestTransform
{
    private const string InternalPrefix = "X-Lyceum-";

    private static readonly string[] Credentials = ["Authorization", "Proxy-Authorization", "Cookie", "Forwarded"];

    public override ValueTask ApplyAsync(RequestTransformContext context)
    {
        var headers = context.ProxyRequest.Headers;
        foreach (var name in Credentials)
            headers.Remove(name);
        foreach (var name in context.HttpContext.Request.Headers.Keys.Where(
            name => name.StartsWith(InternalPrefix, StringComparison.OrdinalIgnoreCase)))
        {
            headers.Remove(name);
        }

        if (context.HttpContext.User.Identity is CallerIdentity identity)
            headers.Authorization = new AuthenticationHeaderValue("Bearer", identities.ForCaller(identity.Caller));
        ServerTiming.Send(context.HttpContext);
        return ValueTask.CompletedTask;
    }
}
