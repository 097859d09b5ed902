namespace Lyceum.SessionApi.Classes;

internal static class ClassRegistration
{
    public static WebApplicationBuilder AddClasses(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ClassOptions>().BindConfiguration(ClassOptions.Section)
            .Validate(o => o is { MaxClasses: > 0, MaxMembers: > 0, MaxShares: > 0, MaxTeachers: > 0, MaxArchiveBytes: > 0 },
                "Classes: every limit must be positive")
            .Validate(o => o.LooksKept > TimeSpan.Zero, "Classes:LooksKept must be positive")
            .Validate(o => o.ArchiveKept > TimeSpan.Zero, "Classes:ArchiveKept must be positive")
            .ValidateOnStart();
        builder.Services.AddScoped<ClassStore>();
        builder.Services.AddScoped<ShareStore>();
        builder.Services.AddScoped<Looks>();
        return builder;
    }
}
