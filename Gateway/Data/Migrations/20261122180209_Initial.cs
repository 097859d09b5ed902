using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Lyceum.Gateway.Data.Migrations
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateSequence(
                name: "repo_seq");

            migrationBuilder.CreateTable(
                name: "budgets",
                columns: table => new
                {
                    account = table.Column<string>(type: "text", nullable: false),
                    unit = table.Column<string>(type: "text", nullable: false),
                    period = table.Column<string>(type: "text", nullable: false),
                    taken = table.Column<long>(type: "bigint", nullable: false),
                    granted = table.Column<long>(type: "bigint", nullable: false),
                    wanted_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    ends_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_budgets", x => new { x.account, x.unit, x.period });
                });

            migrationBuilder.CreateTable(
                name: "hmac_nonces",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    expires_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_hmac_nonces", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "observed_events",
                columns: table => new
                {
                    event_id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    id = table.Column<string>(type: "text", nullable: true),
                    type = table.Column<string>(type: "text", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    attributes = table.Column<string>(type: "jsonb", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_observed_events", x => x.event_id);
                });

            migrationBuilder.CreateTable(
                name: "repo_records",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    type = table.Column<string>(type: "text", nullable: false),
                    properties = table.Column<string>(type: "jsonb", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: false, defaultValueSql: "nextval('repo_seq')"),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_repo_records", x => new { x.tenant, x.id });
                });

            migrationBuilder.CreateTable(
                name: "tool_activations",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    version = table.Column<string>(type: "text", nullable: false),
                    activated_by = table.Column<string>(type: "text", nullable: false),
                    activated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_tool_activations", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "tool_versions",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    version = table.Column<string>(type: "text", nullable: false),
                    digest = table.Column<string>(type: "text", nullable: false),
                    manifests = table.Column<string>(type: "text", nullable: false),
                    summary = table.Column<string>(type: "text", nullable: false),
                    created_by = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_tool_versions", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "repo_edges",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    from_id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    type = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    to_id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    properties = table.Column<string>(type: "jsonb", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: false, defaultValueSql: "nextval('repo_seq')"),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_repo_edges", x => new { x.tenant, x.from_id, x.type, x.to_id });
                    table.ForeignKey(
                        name: "fk_repo_edges_repo_records_tenant_from_id",
                        columns: x => new { x.tenant, x.from_id },
                        principalTable: "repo_records",
                        principalColumns: new[] { "tenant", "id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "fk_repo_edges_repo_records_tenant_to_id",
                        columns: x => new { x.tenant, x.to_id },
                        principalTable: "repo_records",
                        principalColumns: new[] { "tenant", "id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "ix_budgets_ends_at",
                table: "budgets",
                column: "ends_at");

            migrationBuilder.CreateIndex(
                name: "ix_hmac_nonces_expires_at",
                table: "hmac_nonces",
                column: "expires_at");

            migrationBuilder.CreateIndex(
                name: "ix_observed_events_one_id_once",
                table: "observed_events",
                columns: new[] { "tenant", "id" },
                unique: true,
                filter: "id IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_observed_events_tenant_event_id",
                table: "observed_events",
                columns: new[] { "tenant", "event_id" });

            migrationBuilder.CreateIndex(
                name: "ix_repo_edges_tenant_to_id_type_from_id",
                table: "repo_edges",
                columns: new[] { "tenant", "to_id", "type", "from_id" });

            migrationBuilder.CreateIndex(
                name: "ix_tool_activations_tenant_id",
                table: "tool_activations",
                columns: new[] { "tenant", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_tool_versions_tenant_id",
                table: "tool_versions",
                columns: new[] { "tenant", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_tool_versions_tenant_version",
                table: "tool_versions",
                columns: new[] { "tenant", "version" },
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "budgets");

            migrationBuilder.DropTable(
                name: "hmac_nonces");

            migrationBuilder.DropTable(
                name: "observed_events");

            migrationBuilder.DropTable(
                name: "repo_edges");

            migrationBuilder.DropTable(
                name: "tool_activations");

            migrationBuilder.DropTable(
                name: "tool_versions");

            migrationBuilder.DropTable(
                name: "repo_records");

            migrationBuilder.DropSequence(
                name: "repo_seq");
        }
    }
}
