using Lyceum.AppHost.Infrastructure;
using Lyceum.AppHost.Publishing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.AppHost;

/// <summary>One Postgres, however it came to be, and the share of its connections that each service instance gets.</summary>
public sealed class PostgresServer
{
    /// <summary>Of a server started here; an external one is expected to offer it too (services check and warn).</summary>
    internal const int MaxConnections = 300;

    private const int Reserved = 30; // operators, LISTEN connections, migrations
    private const int LargestPool = 60;

    private readonly Func<string, Database> addDatabase;
    private int instances;

    /// <param name="addDatabase">Adds a database of this name to the model.</param>
    internal PostgresServer(Func<PostgresServer, string, Database> addDatabase) => this.addDatabase = name => addDatabase(this, name);

    /// <summary>A database of this server, created at the first start, and its connection string as a resource.</summary>
    public Database AddDatabase(string name) => addDatabase(name);

    /// <summary>Counts service instances that will keep a pool each. Called while the model is being built.</summary>
    internal void AddInstances(int count) => instances += count;

    /// <summary>
    /// The pool settings of every service, in one place. They stand before the server's own connection string, whose
    /// settings win where an operator gave them. Evaluated at start, when the number of instances is known.
    /// </summary>
    internal string PoolSettings(int minPoolSize, string instance)
    {
        var largest = Math.Max(minPoolSize, Math.Min(LargestPool, (MaxConnections - Reserved) / Math.Max(1, instances)));
        return new NpgsqlConnectionStringBuilder
        {
            MinPoolSize = minPoolSize,
            MaxPoolSize = largest,
            ConnectionLifetime = 3600, // seconds, as all below
            ConnectionIdleLifetime = 300,
            Timeout = 5, // also bounds the wait for a pooled connection
            CommandTimeout = 60,
            KeepAlive = 30,
            TcpKeepAlive = true, // a server that vanished without a word is noticed also while a statement waits for it
            TcpKeepAliveTime = 10,
            TcpKeepAliveInterval = 5,
            ApplicationName = instance,
            Options = "-c jit=off",
            MaxAutoPrepare = 64, // parsing and planning a question's statements anew cost Postgres more than running them
            AutoPrepareMinUsages = 2,
        }.ConnectionString;
    }
}

/// <summary>One service's database.</summary>
/// <param name="Resource">What a service waits for: it is healthy when the server answers and the database exists.</param>
public sealed record Database(
    string Name, PostgresServer Server, IResourceBuilder<IResource> Resource, ReferenceExpression ConnectionString);

/// <summary>Adds Postgres to the model: external, container or this machine's binaries.</summary>
public static class PostgresServerExtensions
{
    public static PostgresServer AddPostgresServer(this IDistributedApplicationBuilder builder, string name, House house)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(house);

        var data = house.PathOf("postgres");
        var isPublished = builder.ExecutionContext.IsPublishMode;
        return Provisioning.Decide(builder, name, data) switch
        {
            Provision.External when isPublished => builder.AddPublishedExternalPostgres(name),
            Provision.Container when isPublished => builder.AddPublishedPostgres(name),
            Provision.External => External(builder, name),
            Provision.Container => Container(builder, name, house),
            _ => Binaries(builder, name, data),
        };
    }

    private static PostgresServer Container(IDistributedApplicationBuilder builder, string name, House house)
    {
        var password = builder.AddParameter("postgres-password", secret: true);
        var server = builder.AddPostgres(name, password: password)
            .WithDataVolume(ContainerNames.For(house, name))
            .WithArgs("-c", $"max_connections={PostgresServer.MaxConnections}")
            .WithRestarts();
        // The server is healthy, and its databases are looked for, only when they and their roles are there.
        List<WantedDatabase> wanted = [];
        builder.Services.AddHealthChecks().Add(PostgresReadiness.Registration(
            $"{name}_roles", server.Resource.ConnectionStringExpression, wanted));
        server.WithHealthCheck($"{name}_roles");
        var endpoint = server.Resource.PrimaryEndpoint;
        return new PostgresServer((postgres, database) =>
        {
            var role = AddRole(builder, database, wanted);
            var added = server.AddDatabase(database).WithCreationScript(PostgresReadiness.CreationScript(database));
            return new Database(database, postgres, added, ConnectionString(endpoint, database, role));
        });
    }

    private static PostgresServer External(IDistributedApplicationBuilder builder, string name)
    {
        // The database is ours to name; everything else is the operator's.
        var settings = new NpgsqlConnectionStringBuilder(builder.Configuration.GetConnectionString(name));
        settings.Remove("Database");
        var connectionString = ReferenceExpression.Create($"{settings.ConnectionString}");
        return WithoutContainer(
            builder, builder.AddConnectionString(name, connectionString), connectionString,
            (database, wanted) =>
            {
                wanted.Add(new(database, null)); // its role is the operator's, too
                return ReferenceExpression.Create($"{connectionString};Database={database}");
            });
    }

    private static PostgresServer Binaries(IDistributedApplicationBuilder builder, string name, string data)
    {
        var script = Path.Combine(builder.AppHostDirectory, "Infrastructure", "postgres.sh");
        if (!Tool.Succeeds(script, TimeSpan.FromSeconds(10), "--check"))
        {
            throw new DistributedApplicationException(
                "No PostgreSQL found. Install its server (Debian, Ubuntu: apt-get install postgresql), start a " +
                "container runtime, or name a server: ConnectionStrings__postgres='Host=…;Username=…;Password=…'.");
        }

        var password = builder.AddParameter("postgres-password", secret: true);
        var server = builder.AddExecutable(name, script, builder.AppHostDirectory)
            .WithEndpoint(name: "tcp", scheme: "tcp", env: "PGPORT", isProxied: false)
            .WithEnvironment("POSTGRES_DATA", data)
            .WithEnvironment("POSTGRES_PASSWORD", password)
            .WithEnvironment("POSTGRES_MAX_CONNECTIONS", PostgresServer.MaxConnections.ToString());
        var endpoint = server.GetEndpoint("tcp");
        var connectionString = ReferenceExpression.Create(
            $"Host={endpoint.Property(EndpointProperty.Host)};Port={endpoint.Property(EndpointProperty.Port)};Username=postgres;Password={password}");
        return WithoutContainer(builder, server, connectionString, (database, wanted) =>
            ConnectionString(endpoint, database, AddRole(builder, database, wanted)));
    }

    /// <summary>A role that owns one database, is named after it, and may do nothing else.</summary>
    private static IResourceBuilder<ParameterResource> AddRole(
        IDistributedApplicationBuilder builder, string database, List<WantedDatabase> wanted)
    {
        var password = builder.AddParameter($"{database}-password", secret: true);
        wanted.Add(new(database, password.Resource));
        return password;
    }

    private static ReferenceExpression ConnectionString(
        EndpointReference endpoint, string database, IResourceBuilder<ParameterResource> password) =>
        ReferenceExpression.Create(
            $"Host={endpoint.Property(EndpointProperty.Host)};Port={endpoint.Property(EndpointProperty.Port)};Username={database};Password={password};Database={database}");

    /// <summary>What Aspire's own Postgres resource brings with it, for one that is none: readiness, and databases that are created.</summary>
    /// <param name="connectionString">The administrator's.</param>
    /// <param name="connect">The services' connection string of a database, which it adds to those that are wanted.</param>
    private static PostgresServer WithoutContainer(
        IDistributedApplicationBuilder builder, IResourceBuilder<IResource> resource, ReferenceExpression connectionString,
        Func<string, List<WantedDatabase>, ReferenceExpression> connect)
    {
        var name = resource.Resource.Name;
        List<WantedDatabase> wanted = [];
        builder.Services.AddHealthChecks().Add(PostgresReadiness.Registration($"{name}_ready", connectionString, wanted));
        resource.WithHealthCheck($"{name}_ready").WithAnnotation(new ServerConnectionString(connectionString));
        return new PostgresServer((postgres, database) =>
        {
            var ofDatabase = connect(database, wanted);
            builder.AddConnectionString(database, ofDatabase).WithParentRelationship(resource);
            return new Database(database, postgres, resource, ofDatabase);
        });
    }
}
