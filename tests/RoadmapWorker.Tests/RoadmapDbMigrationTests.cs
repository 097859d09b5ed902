using Lyceum.RoadmapWorker.Data;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.RoadmapWorker;

public sealed class RoadmapDbMigrationTests(PostgresFixture postgres)
    : MigrationTests<RoadmapDb>(postgres, "RoadmapWorker.Tests");
