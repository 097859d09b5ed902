using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.ChatApi.Data.Migrations
{
    /// <inheritdoc />
    public partial class Grounding : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "grounding",
                table: "messages",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "kb_id",
                table: "messages",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "sources",
                table: "messages",
                type: "jsonb",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "tutor_id",
                table: "messages",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "system_prompt",
                table: "generations",
                type: "text",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "grounding",
                table: "messages");

            migrationBuilder.DropColumn(
                name: "kb_id",
                table: "messages");

            migrationBuilder.DropColumn(
                name: "sources",
                table: "messages");

            migrationBuilder.DropColumn(
                name: "tutor_id",
                table: "messages");

            migrationBuilder.DropColumn(
                name: "system_prompt",
                table: "generations");
        }
    }
}
