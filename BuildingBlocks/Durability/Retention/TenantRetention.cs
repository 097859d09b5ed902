namespace Lyceum.Durability.Retention;

/// <summary>For how many days a tenant keeps things; null: for ever.</summary>
/// <param name="Tenant">Whose settings these are.</param>
/// <param name="Conversations">Since a conversation was last used.</param>
/// <param name="Transcripts">Since a live session ended.</param>
/// <param name="Uploads">Since a document was uploaded.</param>
/// <param name="Logs">Of what tasks did, and of events that applications emitted.</param>
public sealed record TenantRetention(string Tenant, int? Conversations, int? Transcripts, int? Uploads, int? Logs);

/// <summary>A page of settings.</summary>
/// <param name="Next">Pass as <c>after</c>; null on the last.</param>
public sealed record RetentionPage(IReadOnlyList<TenantRetention> Tenants, string? Next);

/// <summary>Where the settings of tenants are read: they are SessionApi's.</summary>
public interface IRetentionSource
{
    /// <param name="after">The last tenant of the page before; empty: the first page.</param>
    Task<RetentionPage> ReadAsync(string after, CancellationToken cancellationToken);
}

/// <summary>A kind of thing that a service keeps no longer than its tenant wants.</summary>
public interface IRetained
{
    /// <summary>Of the log and the metric.</summary>
    string Name { get; }

    int? DaysOf(TenantRetention retention);

    /// <summary>Deletes at most <paramref name="limit"/> that are older; nothing that is in use.</summary>
    /// <returns>How many; less than the limit where there are no more.</returns>
    Task<int> DeleteAsync(string tenant, DateTimeOffset before, int limit, CancellationToken cancellationToken);
}
