using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.RoadmapWorker.Data.Migrations
{
    /// <inheritdoc />
    public partial class Practice : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "concept_marks",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    task_id = table.Column<Guid>(type: "uuid", nullable: false),
                    concept_id = table.Column<string>(type: "text", nullable: false),
                    mark = table.Column<string>(type: "text", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_concept_marks", x => new { x.tenant, x.subject, x.task_id, x.concept_id });
                });

            migrationBuilder.CreateTable(
                name: "learner_plans",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    task_id = table.Column<Guid>(type: "uuid", nullable: false),
                    weeks = table.Column<string>(type: "json", nullable: false),
                    made_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_learner_plans", x => new { x.tenant, x.subject, x.task_id });
                });

            migrationBuilder.CreateTable(
                name: "practice_attempts",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    idempotency_key = table.Column<string>(type: "text", nullable: false),
                    fingerprint = table.Column<byte[]>(type: "bytea", nullable: false),
                    item_id = table.Column<Guid>(type: "uuid", nullable: false),
                    set_id = table.Column<Guid>(type: "uuid", nullable: false),
                    task_id = table.Column<Guid>(type: "uuid", nullable: true),
                    concept_id = table.Column<string>(type: "text", nullable: true),
                    answer = table.Column<string>(type: "text", nullable: false),
                    outcome = table.Column<string>(type: "text", nullable: false),
                    score = table.Column<double>(type: "double precision", nullable: true),
                    rating = table.Column<int>(type: "integer", nullable: true),
                    graded_by = table.Column<string>(type: "text", nullable: true),
                    feedback = table.Column<string>(type: "text", nullable: true),
                    counted = table.Column<bool>(type: "boolean", nullable: false),
                    next_due = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_practice_attempts", x => new { x.tenant, x.subject, x.id });
                });

            migrationBuilder.CreateTable(
                name: "practice_days",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    day = table.Column<DateOnly>(type: "date", nullable: false),
                    attempts = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_practice_days", x => new { x.tenant, x.subject, x.day });
                });

            migrationBuilder.CreateTable(
                name: "practice_sets",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    title = table.Column<string>(type: "text", nullable: false),
                    language = table.Column<string>(type: "text", nullable: false),
                    made_by = table.Column<string>(type: "text", nullable: false),
                    made_from = table.Column<string>(type: "text", nullable: false),
                    task_id = table.Column<Guid>(type: "uuid", nullable: true),
                    concept_id = table.Column<string>(type: "text", nullable: true),
                    kb_id = table.Column<string>(type: "text", nullable: true),
                    conversation_id = table.Column<Guid>(type: "uuid", nullable: true),
                    notes = table.Column<string[]>(type: "text[]", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_practice_sets", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "roadmap_dates",
                columns: table => new
                {
                    task_id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    dates = table.Column<string>(type: "json", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_roadmap_dates", x => x.task_id);
                    table.ForeignKey(
                        name: "fk_roadmap_dates_jobs_task_id",
                        column: x => x.task_id,
                        principalTable: "jobs",
                        principalColumn: "task_id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "practice_items",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    set_id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    number = table.Column<int>(type: "integer", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    question = table.Column<string>(type: "text", nullable: false),
                    options = table.Column<string[]>(type: "text[]", nullable: true),
                    answers = table.Column<string[]>(type: "text[]", nullable: false),
                    rubric = table.Column<string>(type: "text", nullable: true),
                    explanation = table.Column<string>(type: "text", nullable: true),
                    quote = table.Column<string>(type: "text", nullable: true),
                    source = table.Column<string>(type: "json", nullable: true),
                    task_id = table.Column<Guid>(type: "uuid", nullable: true),
                    concept_id = table.Column<string>(type: "text", nullable: true),
                    supersedes = table.Column<Guid>(type: "uuid", nullable: true),
                    superseded_by = table.Column<Guid>(type: "uuid", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_practice_items", x => x.id);
                    table.ForeignKey(
                        name: "fk_practice_items_practice_sets_set_id",
                        column: x => x.set_id,
                        principalTable: "practice_sets",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "practice_cards",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    item_id = table.Column<Guid>(type: "uuid", nullable: false),
                    set_id = table.Column<Guid>(type: "uuid", nullable: false),
                    task_id = table.Column<Guid>(type: "uuid", nullable: true),
                    concept_id = table.Column<string>(type: "text", nullable: true),
                    stability = table.Column<double>(type: "double precision", nullable: false),
                    difficulty = table.Column<double>(type: "double precision", nullable: false),
                    last_review = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    due = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    scheduled_days = table.Column<int>(type: "integer", nullable: false),
                    reps = table.Column<int>(type: "integer", nullable: false),
                    lapses = table.Column<int>(type: "integer", nullable: false),
                    last_score = table.Column<double>(type: "double precision", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_practice_cards", x => new { x.tenant, x.subject, x.item_id });
                    table.ForeignKey(
                        name: "fk_practice_cards_practice_items_item_id",
                        column: x => x.item_id,
                        principalTable: "practice_items",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_practice_attempts_tenant_subject_idempotency_key",
                table: "practice_attempts",
                columns: new[] { "tenant", "subject", "idempotency_key" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_practice_attempts_tenant_subject_item_id_id",
                table: "practice_attempts",
                columns: new[] { "tenant", "subject", "item_id", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_practice_attempts_tenant_subject_task_id_concept_id_id",
                table: "practice_attempts",
                columns: new[] { "tenant", "subject", "task_id", "concept_id", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_practice_cards_item_id",
                table: "practice_cards",
                column: "item_id");

            migrationBuilder.CreateIndex(
                name: "ix_practice_cards_tenant_subject_due_item_id",
                table: "practice_cards",
                columns: new[] { "tenant", "subject", "due", "item_id" });

            migrationBuilder.CreateIndex(
                name: "ix_practice_cards_tenant_subject_set_id",
                table: "practice_cards",
                columns: new[] { "tenant", "subject", "set_id" });

            migrationBuilder.CreateIndex(
                name: "ix_practice_cards_tenant_subject_task_id",
                table: "practice_cards",
                columns: new[] { "tenant", "subject", "task_id" });

            migrationBuilder.CreateIndex(
                name: "ix_practice_items_set_id",
                table: "practice_items",
                column: "set_id");

            migrationBuilder.CreateIndex(
                name: "ix_practice_items_supersedes",
                table: "practice_items",
                column: "supersedes",
                unique: true,
                filter: "supersedes IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_practice_items_tenant_subject",
                table: "practice_items",
                columns: new[] { "tenant", "subject" });

            migrationBuilder.CreateIndex(
                name: "ix_practice_sets_tenant_subject_id",
                table: "practice_sets",
                columns: new[] { "tenant", "subject", "id" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "concept_marks");

            migrationBuilder.DropTable(
                name: "learner_plans");

            migrationBuilder.DropTable(
                name: "practice_attempts");

            migrationBuilder.DropTable(
                name: "practice_cards");

            migrationBuilder.DropTable(
                name: "practice_days");

            migrationBuilder.DropTable(
                name: "roadmap_dates");

            migrationBuilder.DropTable(
                name: "practice_items");

            migrationBuilder.DropTable(
                name: "practice_sets");
        }
    }
}
