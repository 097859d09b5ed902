using Lyceum.ServiceDefaults.Auth;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;

namespace Lyceum.SessionApi.Accounts;

internal static class Founding
{
    /// <summary>Makes the tenant of a new account, which owns it.</summary>
    public static void Found(this SessionDb db, Account account)
    {
        db.Add(new Tenant
        {
            Id = account.Tenant, Name = account.Name, Founder = account.Id.ToString(), CreatedAt = account.CreatedAt,
        });
        db.Add(new Membership
        {
            AccountId = account.Id, Tenant = account.Tenant, Role = Role.Owner, JoinedAt = account.CreatedAt,
        });
    }
}
