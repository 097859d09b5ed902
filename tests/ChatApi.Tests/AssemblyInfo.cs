global using PostgresFixture = Lyceum.Tests.Postgres.PostgresFixture<Lyceum.ChatApi.Data.ChatDb>;

[assembly: AssemblyFixture(typeof(PostgresFixture))]
