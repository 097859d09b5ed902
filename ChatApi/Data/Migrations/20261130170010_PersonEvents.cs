using System;
using Lyceum.Durability.Events;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.ChatApi.Data.Migrations
{
    /// <summary>What changes for a person, told by triggers. The version before tells it without knowing.</summary>
    public partial class PersonEvents : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "person_event_heads",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    number = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_person_event_heads", x => new { x.tenant, x.person });
                });

            migrationBuilder.CreateTable(
                name: "person_events",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    number = table.Column<long>(type: "bigint", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    data = table.Column<string>(type: "jsonb", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_person_events", x => new { x.tenant, x.person, x.number });
                });

            migrationBuilder.CreateIndex(
                name: "ix_person_events_at",
                table: "person_events",
                column: "at");

            migrationBuilder.AddPersonEventFunction();
            migrationBuilder.TellPersons(
                "conversations", "INSERT",
                """
                SELECT tenant, owner, 'conversation.created', jsonb_build_object('conversation_id', id, 'title', title) FROM n
                """);
            migrationBuilder.TellPersons(
                "conversations", "UPDATE",
                """
                SELECT n.tenant, n.owner, 'conversation.renamed', jsonb_build_object('conversation_id', n.id, 'title', n.title)
                FROM n JOIN o ON o.id = n.id WHERE n.title <> o.title
                """);
            migrationBuilder.TellPersons(
                "conversations", "DELETE",
                """
                SELECT tenant, owner, 'conversation.deleted', jsonb_build_object('conversation_id', id) FROM o
                """);
            migrationBuilder.TellPersons(
                "messages", "INSERT",
                """
                SELECT c.tenant, c.owner, 'answer.started',
                    jsonb_build_object('conversation_id', c.id, 'message_id', n.id)
                FROM n JOIN conversations c ON c.id = n.conversation_id WHERE n.role = 'assistant' AND n.status = 'streaming'
                """);
            migrationBuilder.TellPersons(
                "messages", "UPDATE",
                """
                SELECT c.tenant, c.owner, 'answer.ended', jsonb_build_object(
                    'conversation_id', c.id, 'message_id', n.id, 'status', n.status, 'finish_reason', n.finish_reason)
                FROM n JOIN o ON o.id = n.id JOIN conversations c ON c.id = n.conversation_id
                WHERE o.status = 'streaming' AND n.status <> 'streaming'
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.StopTellingPersons("messages", "UPDATE");
            migrationBuilder.StopTellingPersons("messages", "INSERT");
            migrationBuilder.StopTellingPersons("conversations", "DELETE");
            migrationBuilder.StopTellingPersons("conversations", "UPDATE");
            migrationBuilder.StopTellingPersons("conversations", "INSERT");
            migrationBuilder.DropPersonEventFunction();

            migrationBuilder.DropTable(
                name: "person_event_heads");

            migrationBuilder.DropTable(
                name: "person_events");
        }
    }
}
