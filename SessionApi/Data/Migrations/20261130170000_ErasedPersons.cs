using System;
using Lyceum.Durability.Persons;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
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

            migrationBuilder.CreateTable(
                name: "erasures",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    requested_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    done_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_erasures", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "erasure_steps",
                columns: table => new
                {
                    erasure_id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    service = table.Column<string>(type: "text", nullable: false),
                    inheritance = table.Column<string>(type: "json", nullable: false),
                    next_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    failures = table.Column<int>(type: "integer", nullable: false),
                    done_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_erasure_steps", x => new { x.erasure_id, x.tenant, x.service });
                    table.ForeignKey(
                        name: "fk_erasure_steps_erasures_erasure_id",
                        column: x => x.erasure_id,
                        principalTable: "erasures",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_erasure_steps_open",
                table: "erasure_steps",
                column: "next_at",
                filter: "done_at IS NULL");

            migrationBuilder.CreateTable(
                name: "former_memberships",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_former_memberships", x => new { x.account_id, x.tenant });
                    table.ForeignKey(
                        name: "fk_former_memberships_accounts_account_id",
                        column: x => x.account_id,
                        principalTable: "accounts",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            // Not where the account itself goes.
            migrationBuilder.Sql(
                """
                CREATE FUNCTION keep_former_membership() RETURNS trigger LANGUAGE plpgsql AS $former$
                BEGIN
                    INSERT INTO former_memberships (account_id, tenant)
                    SELECT id, OLD.tenant FROM accounts WHERE id = OLD.account_id ON CONFLICT DO NOTHING;
                    RETURN NULL;
                END $former$;
                CREATE TRIGGER keep_former_membership AFTER DELETE ON memberships
                    FOR EACH ROW EXECUTE FUNCTION keep_former_membership();
                """);

            migrationBuilder.GuardPersons("sessions", "owner");
            migrationBuilder.GuardPersons("sessions", "subject");
            migrationBuilder.GuardPersons("tutors", "owner");
            migrationBuilder.GuardPersons("knowledge_bases", "owner");
            migrationBuilder.GuardPersons("classes", "owner");
            migrationBuilder.GuardPersons("class_members", "person");
            migrationBuilder.GuardPersons("shares", "owner");
            migrationBuilder.GuardPersons("looks", "person", GuardMode.Drop);
            migrationBuilder.GuardPersons("looks", "viewer");
            migrationBuilder.GuardPersons("guardian_consents", "person");
            migrationBuilder.GuardPersons("guardian_consents", "recorded_by");
            migrationBuilder.GuardPersons("session_flags", "person", GuardMode.Drop);
            migrationBuilder.GuardPersons("safety_policies", "updated_by");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.UnguardPersons("sessions", "owner");
            migrationBuilder.UnguardPersons("sessions", "subject");
            migrationBuilder.UnguardPersons("tutors", "owner");
            migrationBuilder.UnguardPersons("knowledge_bases", "owner");
            migrationBuilder.UnguardPersons("classes", "owner");
            migrationBuilder.UnguardPersons("class_members", "person");
            migrationBuilder.UnguardPersons("shares", "owner");
            migrationBuilder.UnguardPersons("looks", "person");
            migrationBuilder.UnguardPersons("looks", "viewer");
            migrationBuilder.UnguardPersons("guardian_consents", "person");
            migrationBuilder.UnguardPersons("guardian_consents", "recorded_by");
            migrationBuilder.UnguardPersons("session_flags", "person");
            migrationBuilder.UnguardPersons("safety_policies", "updated_by");

            migrationBuilder.Sql(
                "DROP TRIGGER keep_former_membership ON memberships; DROP FUNCTION keep_former_membership();");

            migrationBuilder.DropTable(
                name: "former_memberships");

            migrationBuilder.DropTable(
                name: "erasure_steps");

            migrationBuilder.DropTable(
                name: "erasures");

            migrationBuilder.DropTable(
                name: "erased_persons");
        }
    }
}
