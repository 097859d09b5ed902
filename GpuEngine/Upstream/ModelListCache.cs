using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>An upstream's list of models: fetched when needed, cached for <paramref name="lifetime"/>.</summary>
/// <param name="fetch">Asks the upstream; its failures are not cached.</param>
internal sealed class ModelListCache(
    Func<CancellationToken, Task<IReadOnlyList<ModelInfo>>> fetch, TimeSpan lifetime, TimeProvider time)
{
    // A list is small: a server that needs longer counts as unreachable.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<IReadOnlyList<ModelInfo>>? _fetching; // under _lock
    private volatile Known? _known;

    /// <exception cref="ApiException">The upstream does not answer with one.</exception>
    public async ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel)
    {
        if (_known is { } known && time.GetElapsedTime(known.At) < lifetime)
            return known.Models;
        Task<IReadOnlyList<ModelInfo>> fetching;
        lock (_lock)
        {
            // One request at a time; all callers share its result or failure.
            if (_fetching is null or { IsCompleted: true })
                _fetching = FetchAsync();
            fetching = _fetching;
        }
        return await fetching.WaitAsync(cancel);
    }

    private async Task<IReadOnlyList<ModelInfo>> FetchAsync()
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            var models = await fetch(limit.Token);
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
