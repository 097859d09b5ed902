using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Lyceum.Durability.Persons;

/// <param name="Done">Nothing of the person is left, or can come; false: ask again.</param>
public sealed record ErasureState(bool Done);

/// <summary>What a service does with all that it holds of one person; for services, which name the person as <c>act</c>.</summary>
public static class PersonEndpoints
{
    /// <summary>Erasure and export of what these tables hold.</summary>
    public static WebApplicationBuilder AddPersons(this WebApplicationBuilder builder, PersonTables tables)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton(tables);
        builder.Services.AddSingleton<PersonErasure>();
        builder.Services.AddSingleton<PersonExport>();
        return builder;
    }

    public static RouteGroupBuilder MapPersons(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/internal").RequireService().WithTags("internal").ExcludeFromDescription();
        group.MapPut("erasures/{id:guid}", EraseAsync);
        group.MapGet("export", ExportAsync);
        return group;
    }

    /// <summary>Erases the person that the call acts for; to be asked until it is done.</summary>
    private static async Task<ErasureState> EraseAsync(
        Guid id, [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] Inheritance? inheritance, Caller caller,
        PersonErasure erasure, CancellationToken cancellationToken) =>
        new(await erasure.EraseAsync(caller.Tenant, PersonOf(caller), cancellationToken,
            inheritance is { Shared: not null } ? inheritance : null));

    /// <summary>
    /// All that the service holds of the person that the call acts for: lines of JSON, each a piece of a file, those of
    /// one file one after the other. The last line is an <see cref="ExportPiece.End"/>, without which it is not whole.
    /// </summary>
    private static async Task ExportAsync(
        Caller caller, PersonExport export, HttpContext http, IOptions<Microsoft.AspNetCore.Http.Json.JsonOptions> json, CancellationToken cancellationToken)
    {
        var person = PersonOf(caller);
        var response = http.Response;
        await using var pieces = export.ReadAsync(caller.Tenant, person, cancellationToken)
            .GetAsyncEnumerator(cancellationToken);
        var more = await pieces.MoveNextAsync(); // what fails at once is answered as such
        response.ContentType = "application/jsonl";
        while (more)
        {
            await WriteAsync(pieces.Current);
            more = await pieces.MoveNextAsync();
        }
        await WriteAsync(new ExportPiece("", "") { End = true });

        async Task WriteAsync(ExportPiece piece)
        {
            await JsonSerializer.SerializeAsync(
                response.Body, piece, json.Value.SerializerOptions, cancellationToken);
            await response.Body.WriteAsync(PersonExport.NewLine, cancellationToken);
        }
    }

    private static string PersonOf(Caller caller) => caller.Act is { Length: > 0 } act
        ? act
        : throw new ProblemException(400, ErrorCodes.InvalidRequest, "The call acts for nobody.");
}
