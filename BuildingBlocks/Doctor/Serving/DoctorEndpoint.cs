using Lyceum.Doctor.Parts;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Lyceum.Doctor.Serving;

/// <summary>
/// <c>GET /internal/doctor?only=</c>: what one instance finds of its own database, broker, keys and disk. For the gateway, which asks
/// every instance when an operator asks it.
/// </summary>
public static class DoctorEndpoint
{
    public const string Path = "/internal/doctor";

    /// <summary>Of <c>only</c>, whose values are ids or their beginnings.</summary>
    public const int MostAsked = 20;

    public static IEndpointConventionBuilder MapDoctor(this IEndpointRouteBuilder routes)
    {
        ArgumentNullException.ThrowIfNull(routes);
        var shared = new SharedExamination();
        return routes.MapGet(Path, async (HttpContext http, string[]? only) =>
        {
            IReadOnlyList<string> asked = only is null ? [] : [.. only.Take(MostAsked)];
            return Results.Ok(Report.Document(await shared.RunAsync(asked, ExamineAsync, http.RequestAborted)));

            async Task<IReadOnlyList<Finding>> ExamineAsync(CancellationToken limit)
            {
                using var parts = new SystemChecks(ServiceSite.Of(routes.ServiceProvider));
                return await Examination.RunAsync(parts.All, asked, deep: false, limit);
            }
        }).RequireService().WithTags("internal").ExcludeFromDescription();
    }
}
