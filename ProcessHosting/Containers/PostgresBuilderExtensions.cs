using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace Aspire.Hosting;

/// <summary>Adds PostgreSQL servers in containers.</summary>
public static class PostgresBuilderExtensions
{
    private const int PortInContainer = 5432;

    /// <summary>Healthy when it can be logged in to; ready when its databases exist.</summary>
    /// <param name="password">Null generates one, which lives as long as the host: give one where there is a data volume.</param>
    public static IResourceBuilder<PostgresServerResource> AddPostgres(
        this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ParameterResource>? userName = null,
        IResourceBuilder<ParameterResource>? password = null, int? port = null)
    {
        ArgumentNullException.ThrowIfNull(builder);

        var server = new PostgresServerResource(
            name, userName?.Resource,
            password?.Resource ?? ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password"));
        AddCheck(builder, name, server, ";Database=postgres");

        return builder.AddContainer(server, "library/postgres", "18.3", "docker.io")
            .WithEndpoint(port, PortInContainer, name: PostgresServerResource.PrimaryEndpointName)
            .WithEnvironment("POSTGRES_HOST_AUTH_METHOD", "scram-sha-256")
            .WithEnvironment("POSTGRES_INITDB_ARGS", "--auth-host=scram-sha-256 --auth-local=scram-sha-256")
            .WithEnvironment(context =>
            {
                context.EnvironmentVariables["POSTGRES_USER"] = server.UserNameReference;
                context.EnvironmentVariables["POSTGRES_PASSWORD"] = server.PasswordParameter;
            })
            .WithHealthCheck($"{name}_check")
            .OnResourceReady((_, _, ct) => CreateDatabasesAsync(server, ct));
    }

    /// <param name="databaseName">The resource's name, unless given.</param>
    public static IResourceBuilder<PostgresDatabaseResource> AddDatabase(
        this IResourceBuilder<PostgresServerResource> builder, string name, string? databaseName = null)
    {
        ArgumentNullException.ThrowIfNull(builder);

        var database = new PostgresDatabaseResource(name, databaseName ?? name, builder.Resource);
        builder.Resource.AddDatabase(name, database.DatabaseName);
        AddCheck(builder.ApplicationBuilder, name, database);
        return builder.ApplicationBuilder.AddResource(database).WithHealthCheck($"{name}_check");
    }

    public static IResourceBuilder<PostgresServerResource> WithDataVolume(
        this IResourceBuilder<PostgresServerResource> builder, string? name = null, bool isReadOnly = false)
        => builder.WithVolume(name ?? VolumeNameGenerator.Generate(builder, "data"), DataDirectory(builder), isReadOnly);

    public static IResourceBuilder<PostgresServerResource> WithDataBindMount(
        this IResourceBuilder<PostgresServerResource> builder, string source, bool isReadOnly = false)
        => builder.WithBindMount(source, DataDirectory(builder), isReadOnly);

    public static IResourceBuilder<PostgresServerResource> WithHostPort(
        this IResourceBuilder<PostgresServerResource> builder, int? port)
        => builder.WithEndpoint(PostgresServerResource.PrimaryEndpointName, endpoint => endpoint.Port = port);

    // From 18 on the image keeps each major version's data in a directory of its own below this one.
    private static string DataDirectory(IResourceBuilder<PostgresServerResource> builder)
    {
        var tag = builder.Resource.Annotations.OfType<ContainerImageAnnotation>().Last().Tag ?? "";
        var major = new string([.. tag.TakeWhile(char.IsAsciiDigit)]);
        return int.TryParse(major, out var version) && version < 18 ? "/var/lib/postgresql/data" : "/var/lib/postgresql";
    }

    private static void AddCheck(
        IDistributedApplicationBuilder builder, string name, IResourceWithConnectionString resource, string suffix = "")
        => builder.Services.AddHealthChecks().AddAsyncCheck($"{name}_check", async ct =>
        {
            try
            {
                await using var connection = new NpgsqlConnection(await resource.GetConnectionStringAsync(ct) + suffix);
                await connection.OpenAsync(ct);
                return HealthCheckResult.Healthy();
            }
            catch (NpgsqlException exception)
            {
                return HealthCheckResult.Unhealthy(exception.Message, exception);
            }
        });

    private static async Task CreateDatabasesAsync(PostgresServerResource server, CancellationToken cancellationToken)
    {
        await using var connection =
            new NpgsqlConnection(await server.GetConnectionStringAsync(cancellationToken) + ";Database=postgres");
        await connection.OpenAsync(cancellationToken);
        foreach (var database in server.Databases.Values)
        {
            try
            {
                await using var create = connection.CreateCommand();
                // The name comes from the model, quoted as an identifier: a statement of this kind takes no parameters.
#pragma warning disable CA2100
                create.CommandText = $"CREATE DATABASE \"{database.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
#pragma warning restore CA2100
                await create.ExecuteNonQueryAsync(cancellationToken);
            }
            catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.DuplicateDatabase)
            {
                continue; // an earlier run created it
            }
        }
    }
}
