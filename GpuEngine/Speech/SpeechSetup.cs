using Lyceum.GpuEngine.Upstream;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Speech;

/// <summary>
/// What recognizes and makes speech: configured servers, espeak-ng where it is installed, or neither.
/// </summary>
internal static class SpeechSetup
{
    public static WebApplicationBuilder AddSpeech(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<IValidateOptions<AsrOptions>, AsrOptions.Validator>();
        services.AddSingleton<IValidateOptions<TtsOptions>, TtsOptions.Validator>();
        services.AddOptions<AsrOptions>().BindConfiguration(AsrOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<TtsOptions>().BindConfiguration(TtsOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(provider => new Transcriber(
            Client(provider, AsrOptions.Section, provider.GetRequiredService<IOptions<AsrOptions>>().Value),
            provider.GetRequiredService<IOptions<AsrOptions>>().Value,
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(Synthesizer);
        services.AddSingleton<AudioSlots>();
        services.AddHealthChecks().AddCheck<AsrHealth>("asr").AddCheck<TtsHealth>("tts");
        return builder;
    }

    private static ISynthesizer Synthesizer(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<TtsOptions>>().Value;
        return Client(provider, TtsOptions.Section, options) is { } client
            ? new UpstreamSynthesizer(client, options, provider.GetRequiredService<TimeProvider>())
            : Espeak.Find(options.Espeak) is { } program
            ? new EspeakSynthesizer(
                new Espeak(program, options, provider.GetRequiredService<IOptions<ShareOptions>>().Value))
            : new NoSynthesizer();
    }

    private static UpstreamClient? Client(IServiceProvider provider, string section, SpeechServerOptions options) => options.IsConfigured
        ? new UpstreamClient(
            new UpstreamAddress(section, options.Endpoint!, options.ApiKey), provider.GetRequiredService<IOptions<AnswersOptions>>().Value)
        : null;

    /// <summary>What is configured; having none does not degrade the engine.</summary>
    private sealed class AsrHealth(Transcriber transcriber) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(HealthCheckResult.Healthy(transcriber.Description));
    }

    private sealed class TtsHealth(ISynthesizer synthesizer) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(HealthCheckResult.Healthy(synthesizer.Description));
    }
}
