using Lyceum.Gateway.Data;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.Gateway;

public sealed class GatewayDbMigrationTests(PostgresFixture postgres) : ReleaseTests<GatewayDb>(postgres, "Gateway.Tests");
