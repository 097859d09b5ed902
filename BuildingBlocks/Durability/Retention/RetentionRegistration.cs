using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.ServiceDiscovery;
using Npgsql;

namespace Lyceum.Durability.Retention;

public static class RetentionRegistration
{
    internal const string Client = "retention";

    /// <summary>Carries out what tenants want, as SessionApi says.</summary>
    public static WebApplicationBuilder AddRetention(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddServiceClient(Client);
        builder.Services.AddSingleton<IRetentionSource, SessionApiRetention>();
        return builder.AddRetentionSweep();
    }

    /// <summary>The same, with a source that is registered elsewhere.</summary>
    public static WebApplicationBuilder AddRetentionSweep(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton<RetentionSweep>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<RetentionSweep>());
        return builder;
    }

    /// <inheritdoc cref="RetainedRows"/>
    public static IServiceCollection AddRetained(
        this IServiceCollection services, string name, Func<TenantRetention, int?> days, string delete) =>
        services.AddSingleton<IRetained>(provider => new RetainedRows(
            provider.GetRequiredService<NpgsqlDataSource>(), name, days, delete));
}

/// <summary>Asks SessionApi, each time anew: a sweep is rare, and its settings must be the ones that hold.</summary>
internal sealed class SessionApiRetention(
    IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity) : IRetentionSource
{
    private const string Service = "session-api";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    public async Task<RetentionPage> ReadAsync(string after, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Timeout);
        var instances = new Queue<Uri>(await services.GetAddressesAsync(Service, bound.Token));
        if (instances.Count == 0)
            return new([], null); // no SessionApi, so no tenant has settings
        while (true)
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, new Uri(instances.Dequeue(), $"/internal/retention?after={Uri.EscapeDataString(after)}"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", act: null));
            try
            {
                using var response = await clients.CreateClient(RetentionRegistration.Client).SendAsync(request, bound.Token);
                response.EnsureSuccessStatusCode();
                return await response.Content.ReadFromJsonAsync<RetentionPage>(Json, bound.Token) ?? new([], null);
            }
            catch (HttpRequestException) when (instances.Count > 0)
            {
                // Another instance has the same settings.
            }
        }
    }
}
