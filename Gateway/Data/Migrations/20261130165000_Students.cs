using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.Gateway.Data.Migrations
{
    /// <summary>Who came as a student: they have a budget by default.</summary>
    public partial class Students : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.CreateTable(
            name: "students",
            columns: table => new
            {
                tenant = table.Column<string>(type: "text", nullable: false),
                person = table.Column<string>(type: "text", nullable: false),
            },
            constraints: table => table.PrimaryKey("pk_students", x => new { x.tenant, x.person }));

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.DropTable(name: "students");
    }
}
