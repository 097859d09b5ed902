using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>Finds what the version before makes without an owner while it is replaced, each second, at no cost.</summary>
    public partial class Unowned : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateIndex(
                name: "ix_tutors_unowned",
                table: "tutors",
                column: "id",
                filter: "owner IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_sessions_unowned",
                table: "sessions",
                column: "number",
                filter: "subject IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_knowledge_bases_unowned",
                table: "knowledge_bases",
                column: "id",
                filter: "owner IS NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_tutors_unowned",
                table: "tutors");

            migrationBuilder.DropIndex(
                name: "ix_sessions_unowned",
                table: "sessions");

            migrationBuilder.DropIndex(
                name: "ix_knowledge_bases_unowned",
                table: "knowledge_bases");
        }
    }
}
