using Lyceum.Durability.Persons;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.SessionApi.Erasures;

internal static class ErasureRegistration
{
    /// <summary>The client for other services.</summary>
    public const string Client = "persons";

    public static void AddErasures(this WebApplicationBuilder builder)
    {
        builder.AddPersons(PersonsOfSessions.Tables);
        builder.AddServiceClient(Client);
        var services = builder.Services;
        services.AddOptions<ErasureOptions>().BindConfiguration(ErasureOptions.Section)
            .Validate(o => o.All.Count > 0, "Erasures:Services must name the services that hold something of persons")
            .Validate(o => o.Timeout > TimeSpan.Zero && o.MaxBackoff > TimeSpan.Zero && o.RecentSignIn > TimeSpan.Zero,
                "Erasures: Timeout, MaxBackoff and RecentSignIn must be positive")
            .ValidateOnStart();
        services.AddSingleton<IPersonalWork, PersonalSessions>();
        services.AddSingleton<IPersonalWork, PersonalClasses>();
        services.AddSingleton<IReadableExport, TranscriptExport>();
        services.AddScoped<ErasureStore>();
        services.AddScoped<ClassArchives>();
        services.AddSingleton<ClassArchiveWriter>();
        services.AddSingleton<ClassErasure>();
        services.AddSingleton<ErasureSweep>();
        services.AddHostedService(provider => provider.GetRequiredService<ErasureSweep>());
        services.AddSingleton<ExportArchive>();
    }
}
