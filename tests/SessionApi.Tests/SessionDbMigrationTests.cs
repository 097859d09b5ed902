using Lyceum.SessionApi.Data;
using Lyceum.Tests.Postgres;

namespace Lyceum.Tests.SessionApi.Tests;

public sealed class SessionDbMigrationTests(PostgresFixture postgres)
    : MigrationTests<SessionDb>(postgres, "SessionApi.Tests");
