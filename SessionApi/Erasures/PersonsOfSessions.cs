using Lyceum.Durability.Persons;

namespace Lyceum.SessionApi.Erasures;

/// <summary>Where sessiondb keeps something of persons.</summary>
internal static class PersonsOfSessions
{
    private const string Theirs = "tenant = $1 AND owner = $2";
    private const string OfAccount = "account_id::text = $2";

    // A tenant's things go with the last of its people.
    private const string Deserted =
        """
        tenant = $1 AND NOT EXISTS (SELECT FROM accounts a WHERE a.tenant = $1)
        AND EXISTS (SELECT FROM erasures e JOIN erasure_steps s ON s.erasure_id = e.id WHERE e.subject = $2 AND s.tenant = $1)
        """;

    public static readonly PersonTables Tables = new(
        PersonTable.Own("sessions", "owner", batch: 20),
        PersonTable.Below("session_turns", "session_number", "sessions", "number", Theirs),
        PersonTable.Below("session_deltas", "session_number", "sessions", "number", Theirs),
        PersonTable.Below("session_rejected_records", "session_number", "sessions", "number", Theirs),
        new("tutors", Deserted, AtErasure.Delete) { IsExported = false },
        new("knowledge_bases", Deserted, AtErasure.Delete) { Batch = 1, IsExported = false },
        new("accounts", "id::text = $2", AtErasure.Delete) { Column = "id", Unexported = ["password_hash"] },
        new("sign_ins", OfAccount, AtErasure.Cascade)
        {
            Column = "account_id", Unexported = ["token_hash", "token_key"],
        },
        new("external_identities", OfAccount, AtErasure.Cascade) { Column = "account_id" },
        new("invitations", "created_by::text = $2", AtErasure.Cascade)
        {
            Column = "created_by", Unexported = ["code_hash"],
        });
}
