using Lyceum.Durability.Persons;

namespace Lyceum.SessionApi.Erasures;

/// <summary>Where sessiondb keeps something of persons.</summary>
internal static class PersonsOfSessions
{
    private const string Theirs = "tenant = $1 AND (owner = $2 OR subject = $2)";
    private const string OfAccount = "account_id::text = $2";
    private const string OwnBase = "tenant = $1 AND owner = $2";

    public static readonly PersonTables Tables = new(
    [
        .. PersonTable.Events,
        PersonTable.Own("sessions", "subject", batch: 20),
        PersonTable.Own("sessions", "owner", batch: 20) with { IsExported = false },
        PersonTable.Below("session_turns", "session_number", "sessions", "number", Theirs),
        PersonTable.Below("session_deltas", "session_number", "sessions", "number", Theirs),
        PersonTable.Below("session_rejected_records", "session_number", "sessions", "number", Theirs),
        PersonTable.Own("shares", "owner"),
        PersonTable.Own("tutors", "owner"),
        PersonTable.Own("knowledge_bases", "owner", batch: 1),
        PersonTable.Below("documents", "knowledge_base_id", "knowledge_bases", "id", OwnBase),
        PersonTable.Below("passages", "knowledge_base_id", "knowledge_bases", "id", OwnBase) with { Unexported = ["terms"] },
        PersonTable.Own("classes", "owner", batch: 20),
        PersonTable.Below("class_archives", "class_id", "classes", "id", OwnBase) with { IsExported = false },
        PersonTable.Own("class_members", "person"),
        PersonTable.Own("class_teachers", "person"),
        PersonTable.Own("looks", "person"),
        // Who was looked at still sees that somebody did.
        PersonTable.Naming("looks", "viewer") with { Unnamed = "viewer = id::text, viewer_name = ''" },
        PersonTable.Naming("tenant_retention", "updated_by"),
        PersonTable.Own("guardian_consents", "person"),
        PersonTable.Naming("guardian_consents", "recorded_by"),
        PersonTable.Own("session_flags", "person") with { IsExported = false },
        PersonTable.Naming("safety_policies", "updated_by"),
        // Signs of need are told to somebody else from now on: an owner, where nobody is left.
        new("safety_policies", "tenant = $1 AND jsonb_typeof(policy -> 'tell') = 'array' AND jsonb_exists(policy -> 'tell', $2)", AtErasure.Unname)
        {
            Unnamed = "policy = jsonb_set(policy, '{tell}', (policy -> 'tell') - $2)", IsExported = false,
        },
        // The tenant's API tokens act as nobody's account from now on.
        new("tenants", "id = $1 AND founder = $2", AtErasure.Unname)
        {
            Column = "founder", Unnamed = $"founder = '{Tenants.Tenant.NoAccount}'", IsExported = false,
        },
        new("accounts", "id::text = $2", AtErasure.Delete)
        {
            Column = "id", Unexported = ["password_hash", "first_code_hash"],
        },
        new("memberships", OfAccount, AtErasure.Cascade) { Column = "account_id" },
        new("former_memberships", OfAccount, AtErasure.Cascade) { Column = "account_id" },
        new("sign_ins", OfAccount, AtErasure.Cascade)
        {
            Column = "account_id", Unexported = ["token_hash", "token_key", "previous_hash"],
        },
        new("external_identities", OfAccount, AtErasure.Cascade) { Column = "account_id" },
        new("invitations", "created_by::text = $2", AtErasure.Cascade)
        {
            Column = "created_by", Unexported = ["code_hash"],
        },
    ]);
}
