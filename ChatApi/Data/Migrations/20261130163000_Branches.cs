using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Lyceum.ChatApi.Data.Migrations
{
    /// <summary>
    /// Branches of a conversation, what is kept with a question, and what is searched. The version before goes on beside it:
    /// what it inserts has no depth, and is found by its position (<c>Branches</c>).
    /// </summary>
    public partial class Branches : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<Guid>(name: "active_leaf_id", table: "conversations", type: "uuid", nullable: true);
            migrationBuilder.AddColumn<bool>(
                name: "is_archived", table: "conversations", type: "boolean", nullable: false, defaultValue: false);
            migrationBuilder.AddColumn<bool>(
                name: "is_pinned", table: "conversations", type: "boolean", nullable: false, defaultValue: false);
            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "title_due_at", table: "conversations", type: "timestamp with time zone", nullable: true);
            migrationBuilder.AddColumn<string>(
                name: "title_source", table: "conversations", type: "text", nullable: false, defaultValue: "person");
            migrationBuilder.AddColumn<int>(
                name: "title_tries", table: "conversations", type: "integer", nullable: false, defaultValue: 0);

            migrationBuilder.AddColumn<Guid>(name: "class_id", table: "messages", type: "uuid", nullable: true);
            migrationBuilder.AddColumn<string>(name: "comment", table: "messages", type: "text", nullable: true);
            migrationBuilder.AddColumn<string>(name: "concept_id", table: "messages", type: "text", nullable: true);
            migrationBuilder.AddColumn<int>(name: "depth", table: "messages", type: "integer", nullable: true);
            migrationBuilder.AddColumn<string>(name: "language", table: "messages", type: "text", nullable: true);
            migrationBuilder.AddColumn<string>(name: "mode", table: "messages", type: "text", nullable: true);
            migrationBuilder.AddColumn<Guid>(name: "parent_id", table: "messages", type: "uuid", nullable: true);
            migrationBuilder.AddColumn<string>(name: "rating", table: "messages", type: "text", nullable: true);
            migrationBuilder.AddColumn<string>(name: "reading_level", table: "messages", type: "text", nullable: true);

            // So far every conversation is one branch.
            migrationBuilder.Sql(
                """
                UPDATE messages m SET parent_id = b.parent_id, depth = b.depth FROM (
                    SELECT id, lag(id) OVER place AS parent_id, (row_number() OVER place - 1)::int AS depth
                    FROM messages WINDOW place AS (PARTITION BY conversation_id ORDER BY position)) b
                WHERE b.id = m.id
                """);
            migrationBuilder.Sql(
                """
                UPDATE conversations c SET active_leaf_id = (
                    SELECT id FROM messages WHERE conversation_id = c.id ORDER BY position DESC LIMIT 1)
                """);

            migrationBuilder.DropIndex(name: "ix_conversations_tenant_owner_updated_at_id", table: "conversations");
            migrationBuilder.CreateIndex(
                name: "ix_conversations_list",
                table: "conversations",
                columns: new[] { "tenant", "owner", "is_archived", "is_pinned", "updated_at", "id" });
            migrationBuilder.CreateIndex(
                name: "ix_conversations_title_due_at",
                table: "conversations",
                column: "title_due_at",
                filter: "title_due_at IS NOT NULL");
            migrationBuilder.CreateIndex(
                name: "ix_messages_class_id_created_at",
                table: "messages",
                columns: new[] { "class_id", "created_at" },
                filter: "class_id IS NOT NULL");
            migrationBuilder.CreateIndex(
                name: "ix_messages_unlinked",
                table: "messages",
                columns: new[] { "conversation_id", "depth" },
                filter: "depth IS NULL");
            migrationBuilder.CreateIndex(
                name: "ix_messages_conversation_id_parent_id",
                table: "messages",
                columns: new[] { "conversation_id", "parent_id" });

            // What is searched (BuildingBlocks/Text/PersonTerms.cs). No pending list: whoever searches would have to read it through.
            migrationBuilder.Sql(
                """
                ALTER TABLE messages ADD terms tsvector;
                ALTER TABLE conversations ADD title_terms tsvector;
                CREATE INDEX ix_messages_terms ON messages USING gin (terms) WITH (fastupdate = off);
                CREATE INDEX ix_messages_without_terms ON messages (id) WHERE terms IS NULL AND status <> 'streaming';
                CREATE INDEX ix_conversations_title_terms ON conversations USING gin (title_terms) WITH (fastupdate = off);
                CREATE INDEX ix_conversations_without_terms ON conversations (id) WHERE title_terms IS NULL;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(
                "ALTER TABLE messages DROP COLUMN terms; ALTER TABLE conversations DROP COLUMN title_terms;");
            migrationBuilder.DropIndex(name: "ix_messages_conversation_id_parent_id", table: "messages");
            migrationBuilder.DropIndex(name: "ix_messages_unlinked", table: "messages");
            migrationBuilder.DropIndex(name: "ix_messages_class_id_created_at", table: "messages");
            migrationBuilder.DropIndex(name: "ix_conversations_title_due_at", table: "conversations");
            migrationBuilder.DropIndex(name: "ix_conversations_list", table: "conversations");
            migrationBuilder.CreateIndex(
                name: "ix_conversations_tenant_owner_updated_at_id",
                table: "conversations",
                columns: new[] { "tenant", "owner", "updated_at", "id" });
            foreach (var column in new[]
                { "class_id", "comment", "concept_id", "depth", "language", "mode", "parent_id", "rating", "reading_level" })
                migrationBuilder.DropColumn(name: column, table: "messages");
            foreach (var column in new[]
                { "active_leaf_id", "is_archived", "is_pinned", "title_due_at", "title_source", "title_tries" })
                migrationBuilder.DropColumn(name: column, table: "conversations");
        }
    }
}
