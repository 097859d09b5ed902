using Lyceum.ChatApi.Data;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;

namespace Lyceum.ChatApi.Images;

/// <summary>Images to ask a question with: docs/chat.md. Scope <c>chat</c>; only the caller's own.</summary>
internal static class ImageEndpoints
{
    // The largest image in a form; a larger body is read to its end, so that its sender sees the answer.
    private const long MaxBody = 2 * ImageLimits.UploadBytes;

    /// <summary>Uploads; what is read of images when a model is asked comes with that (<see cref="AddShownImages"/>).</summary>
    public static WebApplicationBuilder AddImages(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ImageQueue>();
        builder.Services.AddScoped<ImageStore>();
        builder.Services.AddSingleton<ImageSweep>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ImageSweep>());
        return builder;
    }

    /// <summary>What is read of images when a model is asked.</summary>
    public static WebApplicationBuilder AddShownImages(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ImageOptions>().BindConfiguration(ImageOptions.Section)
            .Validate(o => o is { MaxImages: > 0, MaxBytes: > 0, MaxWaiting: > 0, MaxAsking: > 0 },
                "Images: every limit must be positive")
            .Validate(o => o.MaxPixels is > 0 and <= 100_000_000, "Images:MaxPixels must be positive, and 100 million at most")
            .Validate(o => o.MaxWait > TimeSpan.Zero && o.UnusedFor > TimeSpan.Zero,
                "Images: MaxWait and UnusedFor must be positive")
            .ValidateOnStart();
        builder.Services.AddSingleton<ShownImages>();
        return builder;
    }

    public static void MapImages(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/images").RequireScope(Scopes.Chat).WithTags("images");
        group.MapPost("", UploadAsync).WithMetadata(new RequestSizeLimitAttribute(MaxBody))
            .Takes<string>("image/png", "image/jpeg", "image/webp")
            .Fails(409, ErrorCodes.LimitReached).Fails(413, ErrorCodes.PayloadTooLarge).Fails(415, ErrorCodes.UnsupportedImage)
            .Fails(422, ErrorCodes.ImageDamaged).Fails(429, ErrorCodes.Overloaded).Fails(503, ErrorCodes.Overloaded);
        var one = group.MapGroup("{imageId:guid}").Fails(404, ErrorCodes.ImageNotFound);
        one.MapGet("", ReadAsync).Produces<string>(StatusCodes.Status200OK, EncodedImage.Type).Produces(304);
        one.MapDelete("", DeleteAsync).Fails(409, ErrorCodes.ImageInUse);
    }

    /// <summary>
    /// Takes an image to ask a question with: PNG, JPEG or WebP, 8 MiB at most. It is stored as a JPEG of at most 2048 pixels a side,
    /// upright and without metadata. One that no question uses goes after a day.
    /// </summary>
    private static async Task<Created<ImageView>> UploadAsync(
        Caller caller, HttpRequest request, ImageStore images, ImageQueue queue, CancellationToken cancellationToken)
    {
        await images.CheckAsync(caller, bytes: 0, cancellationToken); // before reading megabytes
        var upload = await ImageUpload.ReadAsync(request, cancellationToken);
        var image = await images.AddAsync(caller, await queue.EncodeAsync(caller, upload, cancellationToken), cancellationToken);
        return TypedResults.Created($"/api/images/{image.Id}", image);
    }

    /// <summary>An image, as it is stored and as a model is shown it.</summary>
    private static async Task<FileContentHttpResult> ReadAsync(
        Guid imageId, Caller caller, HttpResponse response, ImageStore images, CancellationToken cancellationToken)
    {
        var (type, data, at) = await images.ReadAsync(caller, imageId, cancellationToken);
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        // Kept by the browser alone, and shown from there only after we have said that it is still theirs to see.
        response.Headers.CacheControl = "private, no-cache";
        return TypedResults.Bytes(data, type, lastModified: at, entityTag: new EntityTagHeaderValue($"\"{imageId}\""));
    }

    /// <summary>Deletes an image that no question uses. One that is used goes with its conversation.</summary>
    private static async Task<NoContent> DeleteAsync(
        Guid imageId, Caller caller, ImageStore images, CancellationToken cancellationToken)
    {
        await images.DeleteAsync(caller, imageId, cancellationToken);
        return TypedResults.NoContent();
    }
}
