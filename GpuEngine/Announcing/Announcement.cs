using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.Options;
using SessionOptions = Lyceum.GpuEngine.Sessions.SessionOptions;

namespace Lyceum.GpuEngine.Announcing;

/// <summary>What this engine says of itself.</summary>
internal sealed class Announcement(
    IOptions<EngineAddressOptions> address, IOptions<SessionOptions> limits, SessionStore sessions, IChatModel model, IServer server,
    TimeProvider time)
{
    /// <summary>This run of the process: what it holds in memory is gone with it.</summary>
    public Guid Incarnation { get; } = Guid.CreateVersion7(time.GetUtcNow());

    /// <returns>Null before the server listens.</returns>
    public async ValueTask<EngineAnnouncement?> MakeAsync(CancellationToken cancel)
    {
        var own = address.Value.InstanceUrl ?? OwnAddress.Of(server);
        return own is null ? null : new EngineAnnouncement(
            address.Value.Id, Incarnation, own, string.IsNullOrWhiteSpace(address.Value.PublicUrl) ? null : address.Value.PublicUrl,
            limits.Value.Max, sessions.Count, await ModelAsync(cancel));
    }

    private async ValueTask<string?> ModelAsync(CancellationToken cancel)
    {
        try
        {
            return await model.ResolveAsync(null, cancel);
        }
        catch (ApiException)
        {
            return null; // its server is away; the engine is not
        }
    }
}
