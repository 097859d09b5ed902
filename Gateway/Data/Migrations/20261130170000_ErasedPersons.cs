using System;
using Lyceum.Durability.Persons;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.Gateway.Data.Migrations
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

            migrationBuilder.GuardPersons("observed_events", "subject", GuardMode.Drop);
            migrationBuilder.GuardPersons("model_use", "person", GuardMode.Drop);
            migrationBuilder.GuardPersons("students", "person", GuardMode.Drop);
            migrationBuilder.GuardPersons("repo_records", "subject");
            migrationBuilder.GuardPersons("repo_edges", "subject");
            migrationBuilder.GuardPersons("tenant_budgets", "person");
            migrationBuilder.GuardPersons("tenant_budgets", "updated_by");
            migrationBuilder.GuardPersons("tool_versions", "created_by");
            migrationBuilder.GuardPersons("tool_activations", "activated_by");
            // An account names its person last, who is a UUID where it is somebody that can be deleted.
            migrationBuilder.GuardPersons(
                "budgets", "account", "regexp_replace(NEW.account, '^(set:person|key:user):(.*)/[^/]*$', '\\2')",
                "regexp_replace(NEW.account, '^(set:person|key:user):.*/', '')", GuardMode.Refuse);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.UnguardPersons("observed_events", "subject");
            migrationBuilder.UnguardPersons("model_use", "person");
            migrationBuilder.UnguardPersons("students", "person");
            migrationBuilder.UnguardPersons("repo_records", "subject");
            migrationBuilder.UnguardPersons("repo_edges", "subject");
            migrationBuilder.UnguardPersons("tenant_budgets", "person");
            migrationBuilder.UnguardPersons("tenant_budgets", "updated_by");
            migrationBuilder.UnguardPersons("tool_versions", "created_by");
            migrationBuilder.UnguardPersons("tool_activations", "activated_by");
            migrationBuilder.UnguardPersons("budgets", "account");

            migrationBuilder.DropTable(
                name: "erased_persons");
        }
    }
}
