using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>
    /// Documents that are read in the background, and where passages stand. To the version before a document that waits is one
    /// without passages, and what it uploads is ready.
    /// </summary>
    public partial class DocumentFiles : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_documents_knowledge_base_id_name",
                table: "documents");

            migrationBuilder.AddColumn<int>(
                name: "page",
                table: "passages",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "start",
                table: "passages",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "attempts",
                table: "documents",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<Guid>(
                name: "claim",
                table: "documents",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "claimed_until",
                table: "documents",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "detail",
                table: "documents",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "failure",
                table: "documents",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "pages",
                table: "documents",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "status",
                table: "documents",
                type: "text",
                nullable: false,
                defaultValue: "ready");

            migrationBuilder.AddColumn<int>(
                name: "text_bytes",
                table: "documents",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.CreateTable(
                name: "document_originals",
                columns: table => new
                {
                    document_id = table.Column<Guid>(type: "uuid", nullable: false),
                    content = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_document_originals", x => x.document_id);
                    table.ForeignKey(
                        name: "fk_document_originals_documents_document_id",
                        column: x => x.document_id,
                        principalTable: "documents",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_documents_created_at",
                table: "documents",
                column: "created_at",
                filter: "status IN ('queued', 'reading', 'indexing')");

            migrationBuilder.CreateIndex(
                name: "ix_documents_ready",
                table: "documents",
                columns: new[] { "knowledge_base_id", "name" },
                unique: true,
                filter: "status = 'ready'");

            migrationBuilder.CreateIndex(
                name: "ix_documents_unready",
                table: "documents",
                columns: new[] { "knowledge_base_id", "name" },
                unique: true,
                filter: "status <> 'ready'");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("DELETE FROM documents WHERE status <> 'ready'");

            migrationBuilder.DropTable(
                name: "document_originals");

            migrationBuilder.DropIndex(
                name: "ix_documents_created_at",
                table: "documents");

            migrationBuilder.DropIndex(
                name: "ix_documents_ready",
                table: "documents");

            migrationBuilder.DropIndex(
                name: "ix_documents_unready",
                table: "documents");

            migrationBuilder.DropColumn(
                name: "page",
                table: "passages");

            migrationBuilder.DropColumn(
                name: "start",
                table: "passages");

            migrationBuilder.DropColumn(
                name: "attempts",
                table: "documents");

            migrationBuilder.DropColumn(
                name: "claim",
                table: "documents");

            migrationBuilder.DropColumn(
                name: "claimed_until",
                table: "documents");

            migrationBuilder.DropColumn(
                name: "detail",
                table: "documents");

            migrationBuilder.DropColumn(
                name: "failure",
                table: "documents");

            migrationBuilder.DropColumn(
                name: "pages",
                table: "documents");

            migrationBuilder.DropColumn(
                name: "status",
                table: "documents");

            migrationBuilder.DropColumn(
                name: "text_bytes",
                table: "documents");

            migrationBuilder.CreateIndex(
                name: "ix_documents_knowledge_base_id_name",
                table: "documents",
                columns: new[] { "knowledge_base_id", "name" },
                unique: true);
        }
    }
}
