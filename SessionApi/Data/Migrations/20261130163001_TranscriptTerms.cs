using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>
    /// What transcripts are searched by (<c>TranscriptSearch</c>), plain SQL alone, so that no entity carries it. The version
    /// before leaves it empty, and a sweep fills it.
    /// </summary>
    public partial class TranscriptTerms : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            """
            ALTER TABLE session_turns ADD terms tsvector;
            CREATE INDEX ix_session_turns_terms ON session_turns USING gin (terms) WITH (fastupdate = off);
            CREATE INDEX ix_session_turns_without_terms ON session_turns (session_number, turn)
                WHERE terms IS NULL AND status IS NOT NULL;
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) =>
            migrationBuilder.Sql("ALTER TABLE session_turns DROP COLUMN terms");
    }
}
