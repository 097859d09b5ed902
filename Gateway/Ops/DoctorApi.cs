using Lyceum.Doctor;
using Lyceum.Doctor.Serving;
using Lyceum.Gateway.Limits;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Ops;

/// <summary>The doctor for operators, from inside the system; scope <c>ops</c>; docs/doctor.md.</summary>
internal static class DoctorApi
{
    private static readonly TimeSpan Limit = SharedExamination.Limit + TimeSpan.FromSeconds(5);

    public static void AddDoctor(this WebApplicationBuilder builder)
    {
        builder.AddServiceClient(SystemDoctor.Client);
        builder.Services.AddSingleton<SystemDoctor>();
    }

    public static void MapDoctorApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/ops/doctor", ExamineAsync).RequireScope(Scopes.Ops).WithTags("operation")
            .WithMetadata(FreeOfLimits.Instance).WithRequestTimeout(Limit)
            .Fails(400, ErrorCodes.InvalidRequest).Fails(429, ErrorCodes.Overloaded).Fails(504, ErrorCodes.Timeout);

    /// <summary>
    /// Examines the system from inside: every instance, its database, the broker, models, keys, disks and clocks. It takes seconds, and
    /// 30 at most; one runs at a time. 200 also where something is wrong: the verdict says so.
    /// </summary>
    /// <param name="only">Ids of checks, or how they begin (`LYC-DB`); may be repeated. What those need is examined too.</param>
    private static async Task<Results<Ok<ReportDocument>, ProblemHttpResult>> ExamineAsync(
        SystemDoctor doctor, CancellationToken cancellationToken, string[]? only = null)
    {
        if (only is { Length: > DoctorEndpoint.MostAsked } || only?.Any(id => id.Length is 0 or > 40) == true)
            return Problems.BadRequest($"only may be given {DoctorEndpoint.MostAsked} times, with 1 to 40 characters.");
        return TypedResults.Ok(Report.Document(await doctor.ExamineAsync(only ?? [], cancellationToken)));
    }
}
