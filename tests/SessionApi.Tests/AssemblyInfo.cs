global using PostgresFixture = Lyceum.Tests.Postgres.PostgresFixture<Lyceum.SessionApi.Data.SessionDb>;

[assembly: AssemblyFixture(typeof(PostgresFixture))]
