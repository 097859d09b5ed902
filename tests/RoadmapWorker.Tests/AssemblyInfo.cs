global using PostgresFixture = Lyceum.Tests.Postgres.PostgresFixture<Lyceum.RoadmapWorker.Data.RoadmapDb>;

[assembly: AssemblyFixture(typeof(PostgresFixture))]
