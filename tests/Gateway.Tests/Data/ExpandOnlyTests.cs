using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.Gateway.Data;

/// <summary>What a migration may do while the version before still runs.</summary>
public sealed class ExpandOnlyTests
{
    private const string Released =
        """
        CREATE TABLE messages (id uuid NOT NULL, text text NOT NULL);
        CREATE INDEX ix_text ON messages (text);
        CREATE UNIQUE INDEX ix_id ON messages (id);
        INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion")
        VALUES ('20261130120000_Initial', '10.0.15');
        """;

    [Theory]
    [InlineData("DROP TABLE messages")]
    [InlineData("ALTER TABLE messages DROP COLUMN text")]
    [InlineData("ALTER TABLE messages RENAME COLUMN text TO body")]
    [InlineData("ALTER TABLE \"messages\" ALTER COLUMN text TYPE varchar(10)")]
    [InlineData("ALTER TABLE messages ALTER COLUMN text SET NOT NULL")]
    [InlineData("ALTER TABLE messages ADD tenant text NOT NULL")]
    [InlineData("ALTER TABLE messages ADD a text, ADD COLUMN tenant text NOT NULL")]
    [InlineData("ALTER TABLE messages ADD CONSTRAINT ck CHECK (length(text) < 9)")]
    [InlineData("CREATE UNIQUE INDEX ix_new ON messages (text)")]
    [InlineData("DROP INDEX ix_id")]
    [InlineData("DROP FUNCTION f()")]
    public void Statement_ThatTheVersionBeforeCannotLiveWith_IsFound(string statement) =>
        ExpandOnly.Contractions($"START TRANSACTION;\n-- a comment; with a semicolon\n{statement};\nCOMMIT;", Released).ShouldBe([statement]);

    [Theory]
    [InlineData("CREATE TABLE images (id uuid NOT NULL); CREATE UNIQUE INDEX ix_images ON images (id)")]
    [InlineData("ALTER TABLE images ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES messages (id)")]
    [InlineData("ALTER TABLE messages ADD tenant text")]
    [InlineData("ALTER TABLE messages ADD tenant text NOT NULL DEFAULT ''")]
    [InlineData("ALTER TABLE messages ADD length int GENERATED ALWAYS AS (length(text)) STORED NOT NULL")]
    [InlineData("DROP INDEX ix_text; CREATE INDEX ix_other ON messages (id)")]
    [InlineData("UPDATE messages SET text = 'DROP TABLE messages; really' WHERE text IS NOT NULL")]
    [InlineData("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN DROP TABLE messages; RETURN NEW; END $f$")]
    public void Statement_ThatOnlyAdds_IsNot(string statement) => ExpandOnly.Contractions(statement + ";", Released).ShouldBeEmpty();

    [Fact]
    public void Release_LastMigration_IsTheOneItRecords() => ExpandOnly.LastMigration(Released).ShouldBe("20261130120000_Initial");
}
