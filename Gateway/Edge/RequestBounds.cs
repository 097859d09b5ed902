using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.Timeouts;

namespace Lyceum.Gateway.Edge;

/// <summary>
/// How long a request may take that the gateway answers itself; then 504 <c>timeout</c>. A route that needs longer sets
/// its own (<c>WithRequestTimeout</c>). Proxied routes have the proxy's timeouts, which allow for streams.
/// </summary>
internal static class RequestBounds
{
    private static readonly TimeSpan Default = TimeSpan.FromSeconds(30);

    public static void AddRequestBounds(this WebApplicationBuilder builder) => builder.Services.AddRequestTimeouts(options =>
        options.DefaultPolicy = new RequestTimeoutPolicy
        {
            Timeout = Default,
            TimeoutStatusCode = StatusCodes.Status504GatewayTimeout,
            WriteTimeoutResponse = http => Problems.Create(
                StatusCodes.Status504GatewayTimeout, ErrorCodes.Timeout, "This took too long and was given up.").ExecuteAsync(http),
        });
}
