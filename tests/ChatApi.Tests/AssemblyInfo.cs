global using PostgresFixture = Lyceum.Tests.Support.Postgres.PostgresFixture<Lyceum.ChatApi.Data.ChatDb>;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

// Each test has a database and a process's worth of services of its own, and mostly waits: for leases, retries, sweeps.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.All, MaxThreads = 6)]
