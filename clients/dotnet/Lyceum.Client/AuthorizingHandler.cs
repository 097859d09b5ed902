using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Lyceum.Client;

/// <summary>Puts credentials on each request, and renews a sign-in that has run out: one renewal, however many requests find it so.</summary>
internal sealed class AuthorizingHandler(LyceumCredentials credentials, Uri gateway) : DelegatingHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var used = await credentials.AuthorizeAsync(request, PostAsync, rejected: null, cancellationToken).ConfigureAwait(false);
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Unauthorized || used is null || request.Content is not (null or ByteArrayContent))
            return response;
        var now = await credentials.AuthorizeAsync(request, PostAsync, rejected: used, cancellationToken).ConfigureAwait(false);
        if (now == used)
            return response;
        response.Dispose();
        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private async Task<SignedInView> PostAsync(string path, object body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(gateway.AbsoluteUri.TrimEnd('/') + path))
        {
            Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, body.GetType(), Json.Options)),
        };
        request.Content.Headers.ContentType = new("application/json");
        using var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
            throw await LyceumException.ReadAsync(response, cancellationToken).ConfigureAwait(false);
        return (await response.Content.ReadFromJsonAsync<SignedInView>(Json.Options, cancellationToken).ConfigureAwait(false))!;
    }
}
