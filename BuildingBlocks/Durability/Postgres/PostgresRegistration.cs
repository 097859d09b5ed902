using Aspire.Npgsql;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Health;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.ServiceDefaults.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>A service's database: one data source for requests, shared with EF, and a small one for the machinery.</summary>
public static class PostgresRegistration
{
    private const int RequestsPerConnection = 4;

    /// <summary>
    /// Bounds the requests that are answered at once, shared among their callers: enough of them that the pool of
    /// database <paramref name="name"/> is never idle, few enough that nobody waits long at it behind another's.
    /// </summary>
    /// <param name="onlyMarked">As <see cref="RequestPlaces"/> has it.</param>
    public static WebApplicationBuilder AddRequestPlaces(
        this WebApplicationBuilder builder, string name, bool onlyMarked = false)
    {
        var pool = new NpgsqlConnectionStringBuilder(builder.Configuration.GetConnectionString(name)).MaxPoolSize;
        builder.Services.AddSingleton(provider => new RequestPlaces(
            RequestsPerConnection * pool, provider.GetRequiredService<IOptions<ShareOptions>>().Value,
            onlyMarked));
        return builder;
    }

    /// <summary>
    /// Adds the database <paramref name="name"/> (<c>ConnectionStrings:{name}</c>) by Aspire's Npgsql integration: an
    /// <see cref="NpgsqlDataSource"/>, a pooled <typeparamref name="TContext"/> on it and a <see cref="SystemDataSource"/>, logged,
    /// measured and, where somebody collects them, traced; migrations at start; and a health check called <paramref name="name"/>.
    /// The integration's own health check is off: it asks <c>SELECT 1</c> as ours does, and does not know of migrations. EF's
    /// retries are off: they forbid explicit transactions.
    /// </summary>
    /// <param name="whenAway">
    /// What the service is without its database once that has been away for longer than a failover takes:
    /// <c>unhealthy</c>, unless it has much to do without.
    /// </param>
    public static WebApplicationBuilder AddPostgres<TContext>(
        this WebApplicationBuilder builder, string name, HealthStatus whenAway = HealthStatus.Unhealthy)
        where TContext : DbContext
    {
        var services = builder.Services;
        // The pool's budget (sizes, lifetimes, timeouts) is in the connection string, which AppHost makes.
        var connectionString = builder.Configuration.GetConnectionString(name);
        var requests = new NpgsqlConnectionStringBuilder(connectionString);
        requests.ApplicationName ??= builder.Environment.ApplicationName;
        UsePrimaryOf(requests);
        // What nobody waits for any more ends at the server too. A commit that waits for a standby does not:
        // ReplicatedCommits.
        requests.Options = $"{requests.Options} -c client_connection_check_interval=1000".TrimStart();
        services.AddSingleton(_ => new PoolStatistics(requests));
        services.AddSingleton(provider => new HealthDetail("db", provider.GetRequiredService<PoolStatistics>().Read));
        builder.AddNpgsqlDataSource(name, Settings(requests), Named(requests, isMachinery: false));

        var system = new NpgsqlConnectionStringBuilder(requests.ConnectionString)
        {
            // Four held connections at most: journal, lease, listen, and one spare while another is being replaced.
            MinPoolSize = 0,
            MaxPoolSize = 4,
            ApplicationName = $"{requests.ApplicationName}-system",
            // Their prepared statements go by keys, always: a plan made while a table was small is kept while it grows.
            Options = $"{requests.Options} -c enable_seqscan=off".TrimStart(),
        };
        builder.AddKeyedNpgsqlDataSource(name, Settings(system), Named(system, isMachinery: true));
        services.AddSingleton(provider => new SystemDataSource(provider.GetRequiredKeyedService<NpgsqlDataSource>(name)));

        services.AddDbContextPool<TContext>((provider, options) => options
            .UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>())
            .AddInterceptors(new ReplicatedContext()));
        builder.EnrichNpgsqlDbContext<TContext>(settings =>
        {
            settings.DisableRetry = true;
            // The data source below it does these.
            settings.DisableHealthChecks = settings.DisableTracing = settings.DisableMetrics = true;
        });

        services.AddSingleton(_ => new ExpectedSchema(name, SquashedMigrations.LastOf<TContext>()));
        services.AddSingleton<DatabaseReady>();
        services.AddSingleton<DatabaseMigrator<TContext>>();
        services.AddSingleton<ISchema>(provider => provider.GetRequiredService<DatabaseMigrator<TContext>>());
        services.AddHostedService(provider => provider.GetRequiredService<DatabaseMigrator<TContext>>());
        services.AddSingleton<DatabaseHealth>();
        services.AddSingleton<LoopProgress>();
        services.AddHostedService<ReplicationWatch>();
        services.AddHealthChecks()
            .AddCheck<DatabaseHealth>(name, whenAway, tags: ["ready"], timeout: TimeSpan.FromSeconds(2))
            .AddCheck<WritingHealth>("writing");
        return builder;

        Action<NpgsqlSettings> Settings(NpgsqlConnectionStringBuilder pool) => settings =>
        {
            // Without a connection string the integration says, at first use, which one is missing.
            settings.ConnectionString = connectionString is null ? null : pool.ConnectionString;
            settings.DisableHealthChecks = true;
            settings.DisableTracing = !builder.Configuration.ExportsTelemetry();
        };

        // The name by which metrics and spans tell the pools apart.
        static Action<NpgsqlDataSourceBuilder> Named(NpgsqlConnectionStringBuilder pool, bool isMachinery) =>
            source => source.UseReplicatedCommits(isMachinery).Name = pool.ApplicationName;
    }

    /// <summary>
    /// Of several hosts a service wants the one that takes writes, and looks every second which one it is: what Npgsql
    /// knows of a server holds for 10 s otherwise, for which a standby that was promoted would not be found.
    /// </summary>
    private static void UsePrimaryOf(NpgsqlConnectionStringBuilder pool)
    {
        if (pool.Host?.Contains(',', StringComparison.Ordinal) != true)
            return;
        pool.TargetSessionAttributes ??= "primary";
        if (!pool.ShouldSerialize("Host Recheck Seconds"))
            pool.HostRecheckSeconds = 1;
    }
}

/// <summary>
/// Connections for what must go on while requests have taken every pooled one: journal, leases, notifications.
/// Small and apart, so that load on the API can never cost a process its lease.
/// </summary>
public sealed class SystemDataSource(NpgsqlDataSource source)
{
    public ValueTask<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken) =>
        source.OpenConnectionAsync(cancellationToken);
}
