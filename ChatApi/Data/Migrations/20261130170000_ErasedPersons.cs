using System;
using Lyceum.Durability.Persons;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.ChatApi.Data.Migrations
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

            migrationBuilder.GuardPersons("conversations", "owner");
            migrationBuilder.GuardPersons("moderation_verdicts", "person", GuardMode.Drop);
            migrationBuilder.GuardPersons("concerns", "person", GuardMode.Drop);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.UnguardPersons("conversations", "owner");
            migrationBuilder.UnguardPersons("moderation_verdicts", "person");
            migrationBuilder.UnguardPersons("concerns", "person");

            migrationBuilder.DropTable(
                name: "erased_persons");
        }
    }
}
