namespace Lyceum.AppHost.Publishing;

/// <summary>
/// Postgres and RabbitMQ where AppHost publishes: containers of versions that we chose, or somebody else's servers, whose
/// connection strings are parameters.
/// </summary>
internal static class PublishedServers
{
    /// <summary>The same as in deploy/compose (Cli/Installation), and a test compares them.</summary>
    public const string PostgresVersion = "17.5", RabbitMqVersion = "4.1.0";

    // Before the server itself starts, the statements that make databases and roles are put where the image runs them while it has no data yet.
    private const string StartPostgres =
        "printf '%s\\n' \"$@\" > /docker-entrypoint-initdb.d/10-lyceum.sql && exec docker-entrypoint.sh postgres -c max_connections=";

    /// <summary>A server with four databases, each with a role of its own, made at its first start.</summary>
    public static PostgresServer AddPublishedPostgres(this IDistributedApplicationBuilder builder, string name)
    {
        var script = Path.Combine(builder.AppHostDirectory, "..", "deploy", "compose", "roles.sql");
        var server = builder.AddPostgres(name, password: builder.AddGeneratedPassword($"{name}-password"))
            .WithImageTag(PostgresVersion)
            .WithDataVolume($"lyceum-{name}")
            .WithEntrypoint("bash")
            .WithArgs(["-c", StartPostgres + PostgresServer.MaxConnections, "roles.sql", .. Statements(script)]);
        var endpoint = server.Resource.PrimaryEndpoint;
        return new PostgresServer((postgres, database) =>
        {
            var password = builder.AddGeneratedPassword($"{database}-password");
            server.WithEnvironment($"{database.ToUpperInvariant()}_PASSWORD", password); // roles.sql reads it
            return Database(builder, postgres, server, database, ReferenceExpression.Create(
                $"Host={endpoint.Property(EndpointProperty.Host)};Port={endpoint.Property(EndpointProperty.Port)};Username={database};Password={password};Database={database}"));
        });
    }

    /// <summary>
    /// Somebody else's, on which roles.sql was run: its address is a parameter (<c>Host=…;SSL Mode=Require</c>), and each role's password.
    /// </summary>
    public static PostgresServer AddPublishedExternalPostgres(this IDistributedApplicationBuilder builder, string name)
    {
        var server = builder.AddConnectionString(name);
        return new PostgresServer((postgres, database) => Database(builder, postgres, server, database, ReferenceExpression.Create(
            $"{server.Resource};Username={database};Password={builder.AddSecret($"{database}-password")};Database={database}")));
    }

    /// <summary>Without a volume: messages are hints, and queues are made again by those who use them.</summary>
    public static MessageBroker AddPublishedRabbitMq(this IDistributedApplicationBuilder builder, string name, string user)
    {
        var broker = builder.AddRabbitMQ(name, builder.AddParameter($"{name}-user", user, publishValueAsDefault: true), builder.AddGeneratedPassword($"{name}-password"))
            .WithImageTag(RabbitMqVersion);
        return new MessageBroker(name, broker.Resource.ConnectionStringExpression);
    }

    /// <summary>Somebody else's: <c>amqps://user:password@host</c> is a parameter.</summary>
    public static MessageBroker AddPublishedExternalBroker(this IDistributedApplicationBuilder builder, string name) =>
        new(name, ReferenceExpression.Create($"{builder.AddConnectionString(name).Resource}"));

    private static Database Database(
        IDistributedApplicationBuilder builder, PostgresServer server, IResourceBuilder<IResource> resource, string name, ReferenceExpression connectionString)
    {
        builder.AddConnectionString(name, connectionString);
        return new Database(name, server, resource, connectionString);
    }

    // One argument for each line: a host's own format of files has trouble with line ends in a value.
    private static IEnumerable<string> Statements(string script) =>
        File.ReadLines(script).Where(line => line.Length > 0 && !line.StartsWith("--", StringComparison.Ordinal));
}
