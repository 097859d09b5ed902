using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>Archives of classes that are erased afterwards. The version before archives classes without one.</summary>
    public partial class ClassArchives : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "class_archives",
                columns: table => new
                {
                    class_id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    erasure_id = table.Column<Guid>(type: "uuid", nullable: false),
                    requested_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    erase_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    exported_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    content = table.Column<byte[]>(type: "bytea", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_class_archives", x => x.class_id);
                    table.ForeignKey(
                        name: "fk_class_archives_classes_class_id",
                        column: x => x.class_id,
                        principalTable: "classes",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            // Who leaves a class, is erased, or takes back what they agreed to is in its archive no more: it is made anew, by the
            // step that made it. Where the class itself goes, nothing is.
            migrationBuilder.Sql(
                """
                CREATE FUNCTION renew_class_archive() RETURNS trigger LANGUAGE plpgsql AS $renew$
                BEGIN
                    IF NOT EXISTS (SELECT FROM classes WHERE id = OLD.class_id) THEN
                        RETURN NULL;
                    END IF;
                    WITH archive AS (
                        UPDATE class_archives SET content = NULL, exported_at = NULL, version = version + 1
                        WHERE class_id = OLD.class_id RETURNING erasure_id)
                    UPDATE erasure_steps s SET done_at = NULL, next_at = clock_timestamp()
                    FROM archive a WHERE s.erasure_id = a.erasure_id AND s.service = 'class:archive';
                    RETURN NULL;
                END $renew$;
                CREATE TRIGGER renew_class_archive AFTER DELETE OR UPDATE OF visibility ON class_members
                    FOR EACH ROW EXECUTE FUNCTION renew_class_archive();
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("DROP TRIGGER renew_class_archive ON class_members; DROP FUNCTION renew_class_archive();");

            migrationBuilder.DropTable(
                name: "class_archives");
        }
    }
}
