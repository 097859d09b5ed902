using Lyceum.EngineClient;
using Lyceum.GpuEngine.Addressing;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Draining;
using Lyceum.GpuEngine.Moderation;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Primer;
using Lyceum.GpuEngine.Sessions.Live;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Speech;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Announcing;

/// <summary>This engine's entry in the directory, and what it offers.</summary>
internal sealed class Announcement(
    IOptions<EngineAddressOptions> address, IOptions<LiveSessionOptions> limits, SessionStore sessions,
    IChatModel model, Transcriber transcriber, ISynthesizer synthesizer, ModerationServer moderation, IServer server,
    EngineRun run, EngineDrain drain)
{
    /// <returns>Null before the server listens.</returns>
    public async ValueTask<EngineAnnouncement?> MakeAsync(CancellationToken cancel)
    {
        var own = address.Value.InstanceUrl ?? OwnAddress.Of(server);
        return own is null ? null : new EngineAnnouncement(
            address.Value.Id, run.Incarnation, own,
            string.IsNullOrWhiteSpace(address.Value.PublicUrl) ? null : address.Value.PublicUrl,
            limits.Value.Max, sessions.Count, await ModelAsync(cancel)) { Draining = drain.HasBegun };
    }

    /// <summary>The same with <see cref="EngineAnnouncement.Offers"/>, for whoever asks.</summary>
    public async ValueTask<EngineAnnouncement?> DescribeAsync(CancellationToken cancel) =>
        await MakeAsync(cancel) is { } engine ? engine with { Offers = Offers } : null;

    private EngineOffers Offers => new(
        model is not PrimerModel, transcriber.IsAvailable, synthesizer.IsAvailable, moderation.Client is not null,
        model.TakesImages);

    private async ValueTask<string?> ModelAsync(CancellationToken cancel)
    {
        try
        {
            return await model.ResolveAsync(null, cancel);
        }
        catch (ApiException)
        {
            return null; // the model server is unreachable, the engine is not
        }
    }
}
