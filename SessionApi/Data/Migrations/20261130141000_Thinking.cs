using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>A model's reasoning beside a turn's answer. The version before does not know it and goes on without it.</summary>
    public partial class Thinking : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "thinking",
                table: "session_turns",
                type: "text",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "thinking",
                table: "session_turns");
        }
    }
}
