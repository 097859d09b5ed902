using Aspire.Npgsql.EntityFrameworkCore.PostgreSQL;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Npgsql.EntityFrameworkCore.PostgreSQL
{
    /// <summary>
    /// The settings of <c>Aspire.Npgsql.EntityFrameworkCore.PostgreSQL</c>, read from the same configuration section:
    /// <c>Aspire:Npgsql:EntityFrameworkCore:PostgreSQL[:{TContext}]</c>.
    /// </summary>
    public sealed class NpgsqlEntityFrameworkCorePostgreSQLSettings
    {
        public string? ConnectionString { get; set; }
        public bool DisableRetry { get; set; }
        public bool DisableHealthChecks { get; set; }
        public bool DisableTracing { get; set; }
        public bool DisableMetrics { get; set; }

        /// <summary>Seconds.</summary>
        public int? CommandTimeout { get; set; }
    }
}

namespace Microsoft.Extensions.Hosting
{
    /// <summary>
    /// The part of Aspire's EF Core integration for PostgreSQL that services use, under its real names, for feeds
    /// without Aspire. Retries and the health check behave as there; tracing and metrics need no registration here,
    /// because ServiceDefaults listens to Npgsql's built-in source and meter.
    /// </summary>
    public static class AspireEFPostgreSqlExtensions
    {
        private const string Section = "Aspire:Npgsql:EntityFrameworkCore:PostgreSQL";

        /// <summary>Adds retries (unless disabled), command timeout and health check to an already registered context.</summary>
        public static void EnrichNpgsqlDbContext<TContext>(
            this IHostApplicationBuilder builder,
            Action<NpgsqlEntityFrameworkCorePostgreSQLSettings>? configureSettings = null)
            where TContext : DbContext
        {
            ArgumentNullException.ThrowIfNull(builder);

            var settings = new NpgsqlEntityFrameworkCorePostgreSQLSettings();
            builder.Configuration.GetSection(Section).Bind(settings);
            builder.Configuration.GetSection($"{Section}:{typeof(TContext).Name}").Bind(settings);
            configureSettings?.Invoke(settings);

            if (!settings.DisableRetry || settings.CommandTimeout is not null)
            {
                builder.Services.ConfigureDbContext<TContext>(options => options.UseNpgsql(npgsql =>
                {
                    if (!settings.DisableRetry)
                        npgsql.EnableRetryOnFailure();
                    if (settings.CommandTimeout is { } seconds)
                        npgsql.CommandTimeout(seconds);
                }));
            }

            if (!settings.DisableHealthChecks)
                builder.Services.AddHealthChecks().AddCheck<DbContextHealthCheck<TContext>>(typeof(TContext).Name);
        }

        private sealed class DbContextHealthCheck<TContext>(IServiceScopeFactory scopes) : IHealthCheck
            where TContext : DbContext
        {
            public async Task<HealthCheckResult> CheckHealthAsync(
                HealthCheckContext context, CancellationToken cancellationToken = default)
            {
                await using var scope = scopes.CreateAsyncScope();
                var db = scope.ServiceProvider.GetRequiredService<TContext>();
                return await db.Database.CanConnectAsync(cancellationToken)
                    ? HealthCheckResult.Healthy()
                    : new HealthCheckResult(context.Registration.FailureStatus, "the database does not answer");
            }
        }
    }
}
