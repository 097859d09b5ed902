using System;
using Lyceum.Durability.Events;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.RoadmapWorker.Data.Migrations
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
                "jobs", "INSERT",
                """
                SELECT tenant, subject, 'job.changed', jsonb_build_object(
                    'task_id', task_id, 'kind', kind, 'status', status, 'stage', stage, 'progress', progress) FROM n
                """);
            migrationBuilder.TellPersons(
                "jobs", "UPDATE",
                """
                SELECT n.tenant, n.subject, 'job.changed', jsonb_build_object(
                    'task_id', n.task_id, 'kind', n.kind, 'status', n.status, 'stage', n.stage, 'progress', n.progress)
                FROM n JOIN o ON o.task_id = n.task_id
                WHERE (n.status, n.stage, n.progress) IS DISTINCT FROM (o.status, o.stage, o.progress)
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.StopTellingPersons("jobs", "UPDATE");
            migrationBuilder.StopTellingPersons("jobs", "INSERT");
            migrationBuilder.DropPersonEventFunction();

            migrationBuilder.DropTable(
                name: "person_event_heads");

            migrationBuilder.DropTable(
                name: "person_events");
        }
    }
}
