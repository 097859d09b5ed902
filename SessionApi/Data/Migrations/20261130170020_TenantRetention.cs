using System;
using Lyceum.Durability.Persons;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>For how long a tenant keeps things.</summary>
    public partial class TenantRetention : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "tenant_retention",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    conversations = table.Column<int>(type: "integer", nullable: true),
                    transcripts = table.Column<int>(type: "integer", nullable: true),
                    uploads = table.Column<int>(type: "integer", nullable: true),
                    logs = table.Column<int>(type: "integer", nullable: true),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_by = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_tenant_retention", x => x.tenant);
                });

            migrationBuilder.GuardPersons("tenant_retention", "updated_by");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.UnguardPersons("tenant_retention", "updated_by");

            migrationBuilder.DropTable(
                name: "tenant_retention");
        }
    }
}
