using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>Policies of tenants and classes, and guardians' consent.</summary>
    public partial class Safety : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "guardian_consents",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    recorded_by = table.Column<string>(type: "text", nullable: false),
                    recorded_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    note = table.Column<string>(type: "text", nullable: true),
                },
                constraints: table => table.PrimaryKey("pk_guardian_consents", x => new { x.tenant, x.person }));

            migrationBuilder.CreateTable(
                name: "safety_policies",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    class_id = table.Column<Guid>(type: "uuid", nullable: false),
                    policy = table.Column<string>(type: "jsonb", nullable: false),
                    updated_by = table.Column<string>(type: "text", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                },
                constraints: table => table.PrimaryKey("pk_safety_policies", x => new { x.tenant, x.class_id }));

            migrationBuilder.CreateTable(
                name: "session_flags",
                columns: table => new
                {
                    session_number = table.Column<long>(type: "bigint", nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    session_id = table.Column<string>(type: "text", nullable: false),
                    turn = table.Column<int>(type: "integer", nullable: false),
                    status = table.Column<string>(type: "text", nullable: false),
                    by = table.Column<string>(type: "text", nullable: false),
                    category = table.Column<string>(type: "text", nullable: false),
                    quote = table.Column<string>(type: "text", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                },
                constraints: table => table.PrimaryKey("pk_session_flags", x => new { x.session_number, x.seq }));

            migrationBuilder.CreateIndex(
                name: "ix_session_flags_tenant_at_session_number_seq",
                table: "session_flags",
                columns: new[] { "tenant", "at", "session_number", "seq" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(name: "session_flags");
            migrationBuilder.DropTable(name: "guardian_consents");
            migrationBuilder.DropTable(name: "safety_policies");
        }
    }
}
