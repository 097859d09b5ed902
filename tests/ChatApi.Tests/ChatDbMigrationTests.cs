using Lyceum.ChatApi.Data;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.ChatApi;

public sealed class ChatDbMigrationTests(PostgresFixture postgres) : MigrationTests<ChatDb>(postgres, "ChatApi.Tests");
