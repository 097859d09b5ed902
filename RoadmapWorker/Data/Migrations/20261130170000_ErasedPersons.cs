using System;
using Lyceum.Durability.Persons;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.RoadmapWorker.Data.Migrations
{
    /// <summary>Who was deleted, and guards that let nothing of them in. The version before goes on without knowing them.</summary>
    public partial class ErasedPersons : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "erased_persons",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    barrier = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_erased_persons", x => new { x.tenant, x.person });
                });

            migrationBuilder.GuardPersons("jobs", "subject");
            migrationBuilder.GuardPersons("practice_sets", "subject");
            migrationBuilder.GuardPersons("practice_items", "subject");
            migrationBuilder.GuardPersons("practice_cards", "subject");
            migrationBuilder.GuardPersons("practice_attempts", "subject");
            migrationBuilder.GuardPersons("practice_days", "subject");
            migrationBuilder.GuardPersons("concept_marks", "subject");
            migrationBuilder.GuardPersons("learner_plans", "subject");
            migrationBuilder.GuardPersons("roadmap_dates", "subject");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.UnguardPersons("jobs", "subject");
            migrationBuilder.UnguardPersons("practice_sets", "subject");
            migrationBuilder.UnguardPersons("practice_items", "subject");
            migrationBuilder.UnguardPersons("practice_cards", "subject");
            migrationBuilder.UnguardPersons("practice_attempts", "subject");
            migrationBuilder.UnguardPersons("practice_days", "subject");
            migrationBuilder.UnguardPersons("concept_marks", "subject");
            migrationBuilder.UnguardPersons("learner_plans", "subject");
            migrationBuilder.UnguardPersons("roadmap_dates", "subject");

            migrationBuilder.DropTable(
                name: "erased_persons");
        }
    }
}
