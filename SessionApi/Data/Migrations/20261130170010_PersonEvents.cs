using System;
using Lyceum.Durability.Events;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
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
                "sessions", "INSERT",
                """
                SELECT tenant, COALESCE(subject, owner), 'session.started',
                    jsonb_build_object('session_id', id, 'tutor_id', tutor_id) FROM n WHERE status = 'active'
                """);
            migrationBuilder.TellPersons(
                "sessions", "UPDATE",
                """
                SELECT n.tenant, COALESCE(n.subject, n.owner), 'session.ended',
                    jsonb_build_object('session_id', n.id, 'status', n.status, 'reason', n.reason)
                FROM n JOIN o ON o.number = n.number WHERE o.status = 'active' AND n.status <> 'active'
                """);
            migrationBuilder.TellPersons(
                "documents", "INSERT",
                """
                SELECT k.tenant, k.owner, 'document.changed', jsonb_build_object(
                    'kb_id', k.kb_id, 'document_id', n.id, 'name', n.name, 'status', n.status, 'failure', n.failure)
                FROM n JOIN knowledge_bases k ON k.id = n.knowledge_base_id
                """);
            migrationBuilder.TellPersons(
                "documents", "UPDATE",
                """
                SELECT k.tenant, k.owner, 'document.changed', jsonb_build_object(
                    'kb_id', k.kb_id, 'document_id', n.id, 'name', n.name, 'status', n.status, 'failure', n.failure)
                FROM n JOIN o ON o.id = n.id JOIN knowledge_bases k ON k.id = n.knowledge_base_id WHERE n.status <> o.status
                """);
            migrationBuilder.TellPersons(
                "documents", "DELETE",
                """
                SELECT k.tenant, k.owner, 'document.deleted', jsonb_build_object('kb_id', k.kb_id, 'document_id', o.id)
                FROM o JOIN knowledge_bases k ON k.id = o.knowledge_base_id
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.StopTellingPersons("documents", "DELETE");
            migrationBuilder.StopTellingPersons("documents", "UPDATE");
            migrationBuilder.StopTellingPersons("documents", "INSERT");
            migrationBuilder.StopTellingPersons("sessions", "UPDATE");
            migrationBuilder.StopTellingPersons("sessions", "INSERT");
            migrationBuilder.DropPersonEventFunction();

            migrationBuilder.DropTable(
                name: "person_event_heads");

            migrationBuilder.DropTable(
                name: "person_events");
        }
    }
}
