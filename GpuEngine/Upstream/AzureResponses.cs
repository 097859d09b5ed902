using Lyceum.EngineClient;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// Stands between the network and the SDK, which has no bounds of its own: an answer that comes whole has 16 MiB at most, a
/// stream's event 1 MiB (<see cref="EventBuffer"/>). So a defective upstream costs one answer, not the process's
/// memory.
/// </summary>
internal sealed class AzureResponses(HttpMessageHandler network) : DelegatingHandler(network)
{
    private const int MaxWhole = 16 * 1024 * 1024;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        try
        {
            if (response.Content.Headers.ContentType?.MediaType is not "text/event-stream")
            {
                await response.Content.LoadIntoBufferAsync(MaxWhole, cancellationToken);
                return response;
            }
            var events = new StreamContent(new PairedEvents(await response.Content.ReadAsStreamAsync(cancellationToken)));
            foreach (var (name, values) in response.Content.Headers)
                events.Headers.TryAddWithoutValidation(name, values);
            response.Content = events;
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }
}
