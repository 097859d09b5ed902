using Lyceum.SessionApi.Data;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.SessionApi.Tests;

public sealed class SessionDbMigrationTests(PostgresFixture postgres)
    : MigrationTests<SessionDb>(postgres, "SessionApi.Tests")
{
    private const string OneOfANameEach =
        "0.1.0 writes ready documents alone, which stay one of a name each; it names no conflict of documents";

    protected override IReadOnlyDictionary<string, string> Contractions { get; } = new Dictionary<string, string>
    {
        ["DROP INDEX ix_documents_knowledge_base_id_name"] = OneOfANameEach,
        ["CREATE UNIQUE INDEX ix_documents_ready ON documents (knowledge_base_id, name) WHERE status = 'ready'"] = OneOfANameEach,
        ["CREATE UNIQUE INDEX ix_documents_unready ON documents (knowledge_base_id, name) WHERE status <> 'ready'"] = OneOfANameEach,
    };
}
