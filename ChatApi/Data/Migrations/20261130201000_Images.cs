using System;
using Lyceum.Durability.Persons;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.ChatApi.Data.Migrations
{
    /// <summary>Images of questions. The version before goes on without knowing them.</summary>
    public partial class Images : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "images",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    person = table.Column<string>(type: "text", nullable: false),
                    type = table.Column<string>(type: "text", nullable: false),
                    width = table.Column<int>(type: "integer", nullable: false),
                    height = table.Column<int>(type: "integer", nullable: false),
                    bytes = table.Column<int>(type: "integer", nullable: false),
                    data = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    used_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_images", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "message_images",
                columns: table => new
                {
                    message_id = table.Column<Guid>(type: "uuid", nullable: false),
                    number = table.Column<int>(type: "integer", nullable: false),
                    image_id = table.Column<Guid>(type: "uuid", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_message_images", x => new { x.message_id, x.number });
                    table.ForeignKey(
                        name: "fk_message_images_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id");
                    table.ForeignKey(
                        name: "fk_message_images_messages_message_id",
                        column: x => x.message_id,
                        principalTable: "messages",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_images_tenant_person",
                table: "images",
                columns: new[] { "tenant", "person" });

            migrationBuilder.CreateIndex(
                name: "ix_images_unused",
                table: "images",
                column: "created_at",
                filter: "used_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_message_images_image_id",
                table: "message_images",
                column: "image_id");

            // JPEG does not get smaller: without trying to, it is stored and read faster.
            migrationBuilder.Sql("ALTER TABLE images ALTER COLUMN data SET STORAGE EXTERNAL;");
            // An image goes with the last message that has it, whoever deletes that: a person, a sweep, the version before. The lock
            // waits for a question that is being asked with it; what is read after it sees that question. (Both have locked the
            // person's row of person_event_heads before.)
            migrationBuilder.Sql(
                """
                CREATE FUNCTION drop_unused_image() RETURNS trigger LANGUAGE plpgsql AS $drop$
                BEGIN
                    PERFORM FROM images WHERE id = OLD.image_id FOR UPDATE;
                    DELETE FROM images WHERE id = OLD.image_id
                        AND NOT EXISTS (SELECT FROM message_images m WHERE m.image_id = OLD.image_id);
                    RETURN NULL;
                END $drop$;
                CREATE TRIGGER drop_unused_image AFTER DELETE ON message_images FOR EACH ROW EXECUTE FUNCTION drop_unused_image();
                """);
            migrationBuilder.GuardPersons("images", "person");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.UnguardPersons("images", "person");

            migrationBuilder.DropTable(
                name: "message_images");

            migrationBuilder.Sql("DROP FUNCTION drop_unused_image();");

            migrationBuilder.DropTable(
                name: "images");
        }
    }
}
