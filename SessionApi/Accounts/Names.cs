using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Accounts;

/// <summary>How a person signs in, and how they are called.</summary>
internal sealed record PersonName(string Username, string Name);

internal static class Names
{
    /// <returns>By subject; those that are no members of the tenant (any more) are missing.</returns>
    public static async Task<Dictionary<string, PersonName>> NamesAsync(
        this SessionDb db, string tenant, IEnumerable<string> subjects, CancellationToken cancellationToken)
    {
        var ids = subjects.Distinct().Select(Members.AccountOf).OfType<Guid>().ToList();
        return ids.Count == 0 ? [] : await db.Set<Account>().AsNoTracking()
            .Where(a => ids.Contains(a.Id) && db.Set<Membership>().Any(m => m.AccountId == a.Id && m.Tenant == tenant))
            .ToDictionaryAsync(a => a.Id.ToString(), a => new PersonName(a.Username, a.Name), cancellationToken);
    }

    /// <summary>How a subject is called where it is shown to others: its name, else the subject itself.</summary>
    public static string Called(this Dictionary<string, PersonName> names, string subject) =>
        names.TryGetValue(subject, out var name) ? name.Name : subject;
}
