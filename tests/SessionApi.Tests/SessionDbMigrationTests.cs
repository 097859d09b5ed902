using Lyceum.SessionApi.Data;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.SessionApi.Tests;

public sealed class SessionDbMigrationTests(PostgresFixture postgres)
    : MigrationTests<SessionDb>(postgres, "SessionApi.Tests");
