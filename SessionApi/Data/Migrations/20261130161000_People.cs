using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>
    /// Tenants, roles, classes; and of everything, whose it is. The version before does not know them: what it makes meanwhile
    /// has no owner, until <c>Members.AdoptAsync</c> gives it to the tenant's founder, as is done here for all that is there.
    /// </summary>
    public partial class People : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_tutors_tenant_id",
                table: "tutors");

            migrationBuilder.DropIndex(
                name: "ix_sessions_tenant_number",
                table: "sessions");

            migrationBuilder.AddColumn<string>(
                name: "mode",
                table: "tutors",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "owner",
                table: "tutors",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "device",
                table: "sign_ins",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<byte[]>(
                name: "previous_hash",
                table: "sign_ins",
                type: "bytea",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "tenant",
                table: "sign_ins",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "subject",
                table: "sessions",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "owner",
                table: "knowledge_bases",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "class_id",
                table: "invitations",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "max_uses",
                table: "invitations",
                type: "integer",
                nullable: false,
                defaultValue: 1);

            migrationBuilder.AddColumn<string>(
                name: "role",
                table: "invitations",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "uses",
                table: "invitations",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "first_code_expires_at",
                table: "accounts",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<byte[]>(
                name: "first_code_hash",
                table: "accounts",
                type: "bytea",
                nullable: true);

            migrationBuilder.AddColumn<bool>(
                name: "operator",
                table: "accounts",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.CreateTable(
                name: "classes",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    owner = table.Column<string>(type: "text", nullable: false),
                    name = table.Column<string>(type: "text", nullable: false),
                    visibility = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    archived_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_classes", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "looks",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    class_id = table.Column<Guid>(type: "uuid", nullable: false),
                    class_name = table.Column<string>(type: "text", nullable: false),
                    viewer = table.Column<string>(type: "text", nullable: false),
                    viewer_name = table.Column<string>(type: "text", nullable: false),
                    view = table.Column<string>(type: "text", nullable: false),
                    minute = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    times = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_looks", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "tenants",
                columns: table => new
                {
                    id = table.Column<string>(type: "text", nullable: false),
                    name = table.Column<string>(type: "text", nullable: false),
                    founder = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_tenants", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "class_members",
                columns: table => new
                {
                    class_id = table.Column<Guid>(type: "uuid", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    visibility = table.Column<string>(type: "text", nullable: false),
                    joined_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    agreed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_class_members", x => new { x.class_id, x.person });
                    table.ForeignKey(
                        name: "fk_class_members_classes_class_id",
                        column: x => x.class_id,
                        principalTable: "classes",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "shares",
                columns: table => new
                {
                    class_id = table.Column<Guid>(type: "uuid", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    thing = table.Column<string>(type: "text", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    owner = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_shares", x => new { x.class_id, x.kind, x.thing });
                    table.ForeignKey(
                        name: "fk_shares_classes_class_id",
                        column: x => x.class_id,
                        principalTable: "classes",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "memberships",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    role = table.Column<string>(type: "text", nullable: false),
                    joined_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_memberships", x => new { x.account_id, x.tenant });
                    table.ForeignKey(
                        name: "fk_memberships_accounts_account_id",
                        column: x => x.account_id,
                        principalTable: "accounts",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_memberships_tenants_tenant",
                        column: x => x.tenant,
                        principalTable: "tenants",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_tutors_tenant_owner_id",
                table: "tutors",
                columns: new[] { "tenant", "owner", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_sessions_tenant_subject_number",
                table: "sessions",
                columns: new[] { "tenant", "subject", "number" });

            migrationBuilder.CreateIndex(
                name: "ix_class_members_tenant_person",
                table: "class_members",
                columns: new[] { "tenant", "person" });

            migrationBuilder.CreateIndex(
                name: "ix_classes_tenant_owner_id",
                table: "classes",
                columns: new[] { "tenant", "owner", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_looks_at",
                table: "looks",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "ix_looks_class_id_person_viewer_view_minute",
                table: "looks",
                columns: new[] { "class_id", "person", "viewer", "view", "minute" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_looks_tenant_person_id",
                table: "looks",
                columns: new[] { "tenant", "person", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_memberships_tenant_account_id",
                table: "memberships",
                columns: new[] { "tenant", "account_id" });

            migrationBuilder.CreateIndex(
                name: "ix_shares_tenant_kind_thing",
                table: "shares",
                columns: new[] { "tenant", "kind", "thing" });

            migrationBuilder.Sql(
                """
                INSERT INTO tenants (id, name, founder, created_at)
                SELECT DISTINCT ON (tenant) tenant, name, id::text, created_at FROM accounts ORDER BY tenant, created_at, id;

                INSERT INTO memberships (account_id, tenant, role, joined_at)
                SELECT id, tenant, 'owner', created_at FROM accounts;

                UPDATE tutors SET owner = coalesce((SELECT founder FROM tenants WHERE tenants.id = tutors.tenant), 'owner');

                UPDATE knowledge_bases
                SET owner = coalesce((SELECT founder FROM tenants WHERE tenants.id = knowledge_bases.tenant), 'owner');

                UPDATE sessions SET subject = coalesce(
                    (SELECT m.account_id::text FROM memberships m
                     WHERE m.tenant = sessions.tenant AND m.account_id::text = sessions.owner),
                    (SELECT founder FROM tenants WHERE tenants.id = sessions.tenant), 'owner');
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "class_members");

            migrationBuilder.DropTable(
                name: "looks");

            migrationBuilder.DropTable(
                name: "memberships");

            migrationBuilder.DropTable(
                name: "shares");

            migrationBuilder.DropTable(
                name: "tenants");

            migrationBuilder.DropTable(
                name: "classes");

            migrationBuilder.DropIndex(
                name: "ix_tutors_tenant_owner_id",
                table: "tutors");

            migrationBuilder.DropIndex(
                name: "ix_sessions_tenant_subject_number",
                table: "sessions");

            migrationBuilder.DropColumn(
                name: "mode",
                table: "tutors");

            migrationBuilder.DropColumn(
                name: "owner",
                table: "tutors");

            migrationBuilder.DropColumn(
                name: "device",
                table: "sign_ins");

            migrationBuilder.DropColumn(
                name: "previous_hash",
                table: "sign_ins");

            migrationBuilder.DropColumn(
                name: "tenant",
                table: "sign_ins");

            migrationBuilder.DropColumn(
                name: "subject",
                table: "sessions");

            migrationBuilder.DropColumn(
                name: "owner",
                table: "knowledge_bases");

            migrationBuilder.DropColumn(
                name: "class_id",
                table: "invitations");

            migrationBuilder.DropColumn(
                name: "max_uses",
                table: "invitations");

            migrationBuilder.DropColumn(
                name: "role",
                table: "invitations");

            migrationBuilder.DropColumn(
                name: "uses",
                table: "invitations");

            migrationBuilder.DropColumn(
                name: "first_code_expires_at",
                table: "accounts");

            migrationBuilder.DropColumn(
                name: "first_code_hash",
                table: "accounts");

            migrationBuilder.DropColumn(
                name: "operator",
                table: "accounts");

            migrationBuilder.CreateIndex(
                name: "ix_tutors_tenant_id",
                table: "tutors",
                columns: new[] { "tenant", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_sessions_tenant_number",
                table: "sessions",
                columns: new[] { "tenant", "number" });
        }
    }
}
