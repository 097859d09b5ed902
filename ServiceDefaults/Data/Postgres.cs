using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.ServiceDefaults.Data;

/// <summary>A service's database: one data source for requests, shared with EF, and a small one for the machinery.</summary>
public static class Postgres
{
    /// <summary>
    /// Adds the database <paramref name="name"/> (<c>ConnectionStrings:{name}</c>): an <see cref="NpgsqlDataSource"/>, a
    /// pooled <typeparamref name="TContext"/> on it, a <see cref="SystemDataSource"/>, migrations at start, and a health
    /// check called <paramref name="name"/>. EF's own retries are off: they forbid explicit transactions.
    /// </summary>
    /// <param name="whenAway">What the service is without its database: <c>unhealthy</c>, unless it has much to do without.</param>
    public static WebApplicationBuilder AddPostgres<TContext>(
        this WebApplicationBuilder builder, string name, HealthStatus whenAway = HealthStatus.Unhealthy)
        where TContext : DbContext
    {
        var services = builder.Services;
        services.AddSingleton<PoolStatistics>();
        services.AddSingleton(provider => BuildDataSource(
            provider, provider.GetRequiredService<IConfiguration>(), name, static _ => { }, provider.GetRequiredService<PoolStatistics>()));
        services.AddSingleton(provider => new SystemDataSource(BuildDataSource(
            provider, provider.GetRequiredService<IConfiguration>(), name, static settings =>
            {
                // Four held connections at most: journal, lease, listen, and one spare while another is being replaced.
                settings.MinPoolSize = 0;
                settings.MaxPoolSize = 4;
                settings.ApplicationName += "-system";
                // Their prepared statements go by keys, always: a plan made while a table was small is kept while it grows.
                settings.Options = $"{settings.Options} -c enable_seqscan=off".TrimStart();
            })));
        services.AddDbContextPool<TContext>((provider, options) =>
            options.UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>()));
        builder.EnrichNpgsqlDbContext<TContext>(settings =>
        {
            settings.DisableRetry = true;
            settings.DisableHealthChecks = true;
            settings.DisableTracing = true;
            settings.DisableMetrics = true;
        });

        services.AddSingleton<DatabaseReady>();
        services.AddHostedService<DatabaseMigrator<TContext>>();
        services.AddHealthChecks().AddCheck<DatabaseHealth>(
            name, whenAway, tags: ["ready"], timeout: TimeSpan.FromSeconds(2));
        return builder;
    }

    private static NpgsqlDataSource BuildDataSource(
        IServiceProvider provider, IConfiguration configuration, string name, Action<NpgsqlConnectionStringBuilder> adjust,
        PoolStatistics? statistics = null)
    {
        var connectionString = configuration.GetConnectionString(name)
            ?? throw new InvalidOperationException($"ConnectionStrings:{name} is not set: name the database there.");
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        settings.ApplicationName ??= provider.GetRequiredService<IHostEnvironment>().ApplicationName;
        adjust(settings);
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString)
            .UseLoggerFactory(provider.GetRequiredService<ILoggerFactory>());
        statistics?.Follow(builder, settings);
        return builder.Build();
    }
}

/// <summary>
/// Connections for what must go on while requests have taken every pooled one: journal, leases, notifications.
/// Small and apart, so that load on the API can never cost a process its lease.
/// </summary>
public sealed class SystemDataSource(NpgsqlDataSource source) : IAsyncDisposable
{
    public ValueTask<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken) =>
        source.OpenConnectionAsync(cancellationToken);

    public ValueTask DisposeAsync() => source.DisposeAsync();
}
