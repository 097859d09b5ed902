using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.RoadmapWorker.Data.Migrations
{
    /// <inheritdoc />
    public partial class RecordedCalls : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<int>(
                name: "completion_tokens",
                table: "job_stages",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<int>(
                name: "epoch",
                table: "job_stages",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<int>(
                name: "prompt_tokens",
                table: "job_stages",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<string>(
                name: "calls",
                table: "execution_logs",
                type: "json",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "completion_tokens",
                table: "job_stages");

            migrationBuilder.DropColumn(
                name: "epoch",
                table: "job_stages");

            migrationBuilder.DropColumn(
                name: "prompt_tokens",
                table: "job_stages");

            migrationBuilder.DropColumn(
                name: "calls",
                table: "execution_logs");
        }
    }
}
