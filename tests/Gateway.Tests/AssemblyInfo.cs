global using PostgresFixture = Lyceum.Tests.Postgres.PostgresFixture<Lyceum.Gateway.Data.GatewayDb>;

[assembly: AssemblyFixture(typeof(PostgresFixture))]
