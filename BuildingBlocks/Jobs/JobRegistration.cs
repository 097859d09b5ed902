using Lyceum.Durability.Leases;

namespace Lyceum.Jobs;

public static class JobRegistration
{
    /// <summary>The job engine, to which kinds of job are added.</summary>
    public static JobsBuilder AddJobs(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<JobOptions>().BindConfiguration("Jobs")
            .Validate(o => o is { Concurrency: > 0, MaxBatch: > 0, MaxAttempts: > 0, MaxLosses: > 0, MaxOpenPerCaller: > 0, MaxReaders: > 0, AheadPerCaller: > 0 },
                "Jobs: Concurrency, MaxBatch, MaxAttempts, MaxLosses, MaxOpenPerCaller, MaxReaders and AheadPerCaller must be positive")
            .Validate(o => o.Backoff > TimeSpan.Zero && o.MaxBackoff >= o.Backoff && o.Poll > TimeSpan.Zero && o.Rescan > TimeSpan.Zero
                           && o.PoolWait > TimeSpan.Zero,
                "Jobs: Backoff, MaxBackoff, Poll, Rescan and PoolWait must be positive, MaxBackoff at least Backoff")
            .ValidateOnStart();
        services.AddSingleton<JobKinds>();
        services.AddSingleton<JobMetrics>();
        services.AddSingleton<JobChanges>();
        services.AddSingleton<RunningJobs>();
        services.AddSingleton<JobQueue>();
        services.AddSingleton<JobRunner>();
        services.AddSingleton<JobStore>();
        services.AddSingleton<JobEvents>();
        services.AddSingleton<JobJournal>();
        services.AddHostedService(provider => provider.GetRequiredService<JobJournal>());
        services.AddSingleton<JobSweep>();
        services.AddLeases<JobSweep>();
        services.AddHostedService<JobWorker>();
        return new(services);
    }
}
