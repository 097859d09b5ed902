using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <inheritdoc />
    public partial class RejectedRecords : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "session_rejected_records",
                columns: table => new
                {
                    session_number = table.Column<long>(type: "bigint", nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: false),
                    record = table.Column<byte[]>(type: "bytea", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false),
                    rejected_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_session_rejected_records", x => new { x.session_number, x.seq });
                    table.ForeignKey(
                        name: "fk_session_rejected_records_sessions_session_number",
                        column: x => x.session_number,
                        principalTable: "sessions",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Cascade);
                });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "session_rejected_records");
        }
    }
}
