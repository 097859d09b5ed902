using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.RoadmapWorker.Data.Migrations
{
    /// <summary>Of which due moment a person was told. The version before leaves it as it is.</summary>
    public partial class ToldDue : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "told_due",
                table: "practice_cards",
                type: "timestamp with time zone",
                nullable: true);

            // What is due already is known to whom it is due: only what comes due from now on is told.
            migrationBuilder.Sql("UPDATE practice_cards SET told_due = due WHERE reps > 0 AND due <= clock_timestamp();");

            migrationBuilder.CreateIndex(
                name: "ix_practice_cards_untold",
                table: "practice_cards",
                column: "due",
                filter: "told_due IS DISTINCT FROM due AND reps > 0");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_practice_cards_untold",
                table: "practice_cards");

            migrationBuilder.DropColumn(
                name: "told_due",
                table: "practice_cards");
        }
    }
}
