using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.ChatApi.Data.Migrations
{
    /// <summary>
    /// Moderation: how an answer is moderated, what was withheld and why, and signs of self-harm. The version before does not
    /// know it and goes on without it.
    /// </summary>
    public partial class Moderation : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(name: "help", table: "messages", type: "jsonb", nullable: true);
            migrationBuilder.AddColumn<string>(name: "moderation", table: "messages", type: "text", nullable: true);
            migrationBuilder.AddColumn<string>(name: "moderation", table: "generations", type: "jsonb", nullable: true);

            migrationBuilder.CreateTable(
                name: "concerns",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    conversation_id = table.Column<Guid>(type: "uuid", nullable: false),
                    message_id = table.Column<Guid>(type: "uuid", nullable: false),
                    class_id = table.Column<Guid>(type: "uuid", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    by = table.Column<string>(type: "text", nullable: false),
                    category = table.Column<string>(type: "text", nullable: false),
                    quote = table.Column<string>(type: "text", nullable: false),
                    tell = table.Column<string[]>(type: "text[]", nullable: false),
                },
                constraints: table => table.PrimaryKey("pk_concerns", x => x.id));

            migrationBuilder.CreateTable(
                name: "moderation_verdicts",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    conversation_id = table.Column<Guid>(type: "uuid", nullable: false),
                    message_id = table.Column<Guid>(type: "uuid", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    side = table.Column<string>(type: "text", nullable: false),
                    by = table.Column<string>(type: "text", nullable: false),
                    category = table.Column<string>(type: "text", nullable: false),
                    quote = table.Column<string>(type: "text", nullable: false),
                    reported_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    report = table.Column<string>(type: "text", nullable: true),
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_moderation_verdicts", x => x.id);
                    table.ForeignKey(
                        name: "fk_moderation_verdicts_messages_message_id",
                        column: x => x.message_id,
                        principalTable: "messages",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(name: "ix_concerns_tenant_id", table: "concerns", columns: new[] { "tenant", "id" });
            migrationBuilder.CreateIndex(
                name: "ix_moderation_verdicts_message_id", table: "moderation_verdicts", column: "message_id");
            migrationBuilder.CreateIndex(
                name: "ix_moderation_verdicts_tenant_id", table: "moderation_verdicts", columns: new[] { "tenant", "id" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(name: "concerns");
            migrationBuilder.DropTable(name: "moderation_verdicts");
            migrationBuilder.DropColumn(name: "moderation", table: "generations");
            migrationBuilder.DropColumn(name: "moderation", table: "messages");
            migrationBuilder.DropColumn(name: "help", table: "messages");
        }
    }
}
