namespace Lyceum.SessionApi.People;

internal static class PeopleRegistration
{
    public static WebApplicationBuilder AddPeople(this WebApplicationBuilder builder)
    {
        builder.Services.AddScoped<Joining>();
        builder.Services.AddScoped<Resets>();
        builder.Services.AddScoped<NewAccounts>();
        return builder;
    }

    public static void MapPeople(this IEndpointRouteBuilder routes)
    {
        routes.MapMe();
        routes.MapMembers();
        routes.MapClasses();
        routes.MapTeachers();
        routes.MapStudents();
    }
}
