using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Hosting;

/// <summary>
/// How a service stops (section <c>Drain</c>). SIGTERM sets <see cref="IHostApplicationLifetime.ApplicationStopping"/>,
/// the signal on which parts hand over what they own; <c>/health</c> says <c>draining</c> from then on; after
/// <see cref="Announce"/> the listener closes and requests in flight have the rest of <see cref="Timeout"/> to end.
/// </summary>
public sealed class DrainOptions
{
    public const string Section = "Drain";

    /// <summary>
    /// The whole of it: Aspire's orchestrator kills 6 s after SIGTERM. Requests that still run after three fifths are cut off; the
    /// rest is for what is then stopped without a deadline of its own (a broker or a collector that is away: a second).
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Until requests in flight are cut off.</summary>
    internal TimeSpan Requests => Timeout * 0.6;

    /// <summary>
    /// How long a service that owns what it cannot hand over lets it end, before all of <see cref="Timeout"/>: GpuEngine its
    /// answers, whose default is <c>Answers:MaxDuration</c> and 15 s. Whoever supervises it must wait for both. Null for the
    /// other services, which hand over.
    /// </summary>
    public TimeSpan? Answers { get; set; }

    /// <summary>
    /// How long such a service still takes new work on after it has said that it drains: those who choose one learn it within a
    /// second or two, and nobody is rejected meanwhile. Part of <see cref="Answers"/>.
    /// </summary>
    public TimeSpan Notice { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>For handing over owned work. Reached, as where the database is away: its lease runs out instead.</summary>
    public TimeSpan HandOver { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long new requests are still accepted after SIGTERM, for load balancers that need to notice first: by
    /// <c>/health</c>, and by answers after which their connections close. None by default: a gateway retries elsewhere what is
    /// rejected here.
    /// </summary>
    public TimeSpan Announce { get; set; } = TimeSpan.Zero;
}

internal static class Drain
{
    public static void AddDrain(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<DrainOptions>().BindConfiguration(DrainOptions.Section)
            .Validate(drain => drain.Announce >= TimeSpan.Zero, "Drain:Announce is negative")
            .Validate(drain => drain.Requests > drain.Announce, "three fifths of Drain:Timeout must be longer than Drain:Announce")
            .Validate(
                drain => drain.Answers is not { } answers || (answers >= TimeSpan.Zero && answers <= TimeSpan.FromDays(1)),
                "Drain:Answers must be between 0 and a day")
            .Validate(drain => drain.Notice >= TimeSpan.Zero, "Drain:Notice is negative")
            .Validate(drain => drain.HandOver > TimeSpan.Zero, "Drain:HandOver must be above 0")
            .ValidateOnStart();
        services.AddOptions<HostOptions>().Configure<IOptions<DrainOptions>>((host, drain) =>
            host.ShutdownTimeout = (drain.Value.Answers ?? TimeSpan.Zero) + drain.Value.Requests);
        services.AddHostedService<Announcement>();
        services.AddTransient<IStartupFilter, LastAnswers>();
    }

    /// <summary>
    /// From then on each answer is the last one of its connection, so that no balancer holds an open one, and sends a
    /// request over it, at the moment when the server closes: what was sent then is answered by nobody, and no balancer
    /// may repeat a POST.
    /// </summary>
    private sealed class LastAnswers(IHostApplicationLifetime lifetime) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((http, following) =>
            {
                if (lifetime.ApplicationStopping.IsCancellationRequested && HttpProtocol.IsHttp11(http.Request.Protocol))
                {
                    http.Response.OnStarting(static state =>
                    {
                        var response = (HttpResponse)state;
                        if (response.StatusCode != StatusCodes.Status101SwitchingProtocols)
                            response.Headers.Connection = "close";
                        return Task.CompletedTask;
                    }, http.Response);
                }
                return following(http);
            });
            next(app);
        };
    }

    /// <summary>
    /// Runs before any part is stopped, the server included, and keeps the listener open for
    /// <see cref="DrainOptions.Announce"/>.
    /// </summary>
    private sealed class Announcement(IOptions<DrainOptions> options, TimeProvider time) : IHostedLifecycleService
    {
        public async Task StoppingAsync(CancellationToken cancellationToken) =>
            await Task.Delay(options.Value.Announce, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
