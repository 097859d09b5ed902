using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.SessionApi.Data.Migrations
{
    /// <summary>
    /// The run of an engine that said it drains: a later run does not, also where the version before, which does not know
    /// the column, has announced it.
    /// </summary>
    public partial class EngineDraining : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<Guid>(
                name: "draining",
                table: "engines",
                type: "uuid",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "draining",
                table: "engines");
        }
    }
}
