using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>An upstream's list of models: asked for when needed, kept for <paramref name="lifetime"/>.</summary>
/// <param name="ask">Asks the upstream; its failures are not kept.</param>
internal sealed class ModelListCache(
    Func<CancellationToken, Task<IReadOnlyList<ModelInfo>>> ask, TimeSpan lifetime, TimeProvider time)
{
    // A list is a small thing: a server that needs longer counts as unreachable.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<IReadOnlyList<ModelInfo>>? _asking; // under _lock
    private volatile Known? _known;

    /// <exception cref="ApiException">The upstream does not say.</exception>
    public async ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel)
    {
        if (_known is { } known && time.GetElapsedTime(known.At) < lifetime)
            return known.Models;
        Task<IReadOnlyList<ModelInfo>> asking;
        lock (_lock)
        {
            // One question at a time, whose answer or failure all who wait share.
            if (_asking is null or { IsCompleted: true })
                _asking = AskAsync();
            asking = _asking;
        }
        return await asking.WaitAsync(cancel);
    }

    private async Task<IReadOnlyList<ModelInfo>> AskAsync()
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            var models = await ask(limit.Token);
            _known = new Known(models, time.GetTimestamp());
            return models;
        }
        catch (OperationCanceledException e)
        {
            throw UpstreamErrors.Unreachable(e);
        }
    }

    private sealed record Known(IReadOnlyList<ModelInfo> Models, long At);
}
