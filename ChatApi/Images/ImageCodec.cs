using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using SkiaSharp;

namespace Lyceum.ChatApi.Images;

/// <summary>An image as it is stored: upright, without metadata, on white.</summary>
public sealed record EncodedImage(int Width, int Height, byte[] Data)
{
    /// <summary>JPEG is what every model server reads.</summary>
    public const string Type = "image/jpeg";
}

/// <summary>
/// Makes of an upload, which may be hostile, an image that models take: PNG, JPEG or WebP by its bytes, decoded, turned as its
/// EXIF says, at most <see cref="MaxSide"/> pixels a side, encoded anew. Nothing else of the upload is kept. It takes four bytes
/// of native memory for each of the upload's pixels, so one is made at a time (<see cref="ImageQueue"/>).
/// </summary>
internal static class ImageCodec
{
    /// <summary>Larger ones are made smaller by the models themselves.</summary>
    public const int MaxSide = 2048;

    // What a JPEG can have.
    private const int MaxUploadSide = 65_535;

    private static readonly int[] Qualities = [88, 75, 60];

    /// <exception cref="ProblemException">
    /// 415 <c>unsupported_image</c>, 422 <c>image_damaged</c>, 413 <c>payload_too_large</c>: too many pixels.
    /// </exception>
    public static EncodedImage Encode(byte[] upload, long maxPixels)
    {
        var format = FormatOf(upload);
        using var data = SKData.CreateCopy(upload);
        using var codec = SKCodec.Create(data) ?? throw Damaged();
        if (codec.EncodedFormat != format)
            throw Damaged();
        var info = codec.Info;
        if (info.Width < 1 || info.Height < 1)
            throw Damaged();
        if (info.Width > MaxUploadSide || info.Height > MaxUploadSide || (long)info.Width * info.Height > maxPixels)
            throw new ProblemException(413, ErrorCodes.PayloadTooLarge,
                $"The image has {info.Width} × {info.Height} pixels; it may have {maxPixels} (Images:MaxPixels). Make it smaller.");
        if (codec.FrameCount > 1)
            throw new ProblemException(415, ErrorCodes.UnsupportedImage, "The image is animated. Send a still one.");
        using var decoded = Decode(codec);
        using var upright = Draw(decoded, codec.EncodedOrigin);
        return Encode(upright);
    }

    /// <summary>By its first bytes: what the sender says of it is not asked.</summary>
    private static SKEncodedImageFormat FormatOf(ReadOnlySpan<byte> upload)
    {
        if (upload.StartsWith((ReadOnlySpan<byte>)[0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
            return SKEncodedImageFormat.Png;
        if (upload.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return SKEncodedImageFormat.Jpeg;
        if (upload.Length > 12 && upload.StartsWith("RIFF"u8) && upload[8..].StartsWith("WEBP"u8))
            return SKEncodedImageFormat.Webp;
        var isHeic = upload.Length > 12 && upload[4..].StartsWith("ftyp"u8)
            && (upload[8..].StartsWith("hei"u8) || upload[8..].StartsWith("hev"u8) || upload[8..].StartsWith("mif1"u8)
                || upload[8..].StartsWith("msf1"u8));
        throw new ProblemException(415, ErrorCodes.UnsupportedImage, isHeic
            ? "This is a HEIC image, as iPhones make them. Send it as JPEG: many programs and the phone itself can save it so."
            : "The image must be PNG, JPEG or WebP; by its bytes it is none of them.");
    }

    private static SKBitmap Decode(SKCodec codec)
    {
        var source = codec.Info;
        // A JPEG can be decoded smaller, in eighths: less memory, and nothing is seen of it.
        var wanted = Math.Min(1f, (float)MaxSide / Math.Max(source.Width, source.Height));
        var size = codec.GetScaledDimensions(wanted);
        if (Math.Max(size.Width, size.Height) < Math.Min(MaxSide, Math.Max(source.Width, source.Height)))
            size = new(source.Width, source.Height);
        using var srgb = SKColorSpace.CreateSrgb();
        var bitmap = new SKBitmap();
        try
        {
            if (!bitmap.TryAllocPixels(new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, SKAlphaType.Premul, srgb)))
                throw new ProblemException(
                    503, ErrorCodes.Overloaded, "There is no memory for this image. Try again shortly.", TimeSpan.FromSeconds(5));
            // What ends too early is damaged too: half an image answers another question.
            if (codec.GetPixels(bitmap.Info, bitmap.GetPixels()) is not SKCodecResult.Success)
                throw Damaged();
            return bitmap;
        }
        catch
        {
            bitmap.Dispose();
            throw;
        }
    }

    /// <summary>Upright, on white, within the sides.</summary>
    private static SKBitmap Draw(SKBitmap image, SKEncodedOrigin origin)
    {
        var isTurned = origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom
            or SKEncodedOrigin.LeftBottom;
        var scale = Math.Min(1f, (float)MaxSide / Math.Max(image.Width, image.Height));
        var (width, height) = (Scaled(image.Width, scale), Scaled(image.Height, scale));
        var drawn = NewBitmap(isTurned ? height : width, isTurned ? width : height);
        using var canvas = new SKCanvas(drawn);
        canvas.Clear(SKColors.White);
        canvas.Concat(Upright(origin, width, height));
        Paint(canvas, image, width, height);
        return drawn;
    }

    private static EncodedImage Encode(SKBitmap upright)
    {
        for (var image = upright; ;)
        {
            foreach (var quality in Qualities)
            {
                using var data = image.Encode(SKEncodedImageFormat.Jpeg, quality);
                if (data.Size > ImageLimits.StoredBytes)
                    continue;
                var encoded = new EncodedImage(image.Width, image.Height, data.ToArray());
                if (image != upright)
                    image.Dispose();
                return encoded;
            }
            // As good as noise: smaller.
            var smaller = NewBitmap(Scaled(image.Width, 0.7f), Scaled(image.Height, 0.7f));
            using (var canvas = new SKCanvas(smaller))
                Paint(canvas, image, smaller.Width, smaller.Height);
            if (image != upright)
                image.Dispose();
            image = smaller;
        }
    }

    private static void Paint(SKCanvas canvas, SKBitmap bitmap, int width, int height)
    {
        bitmap.SetImmutable(); // else it is copied
        using var image = SKImage.FromBitmap(bitmap);
        canvas.DrawImage(image, SKRect.Create(width, height), new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
    }

    private static SKBitmap NewBitmap(int width, int height)
    {
        using var srgb = SKColorSpace.CreateSrgb();
        return new(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque, srgb));
    }

    private static int Scaled(int side, float scale) => Math.Max(1, (int)Math.Round(side * scale));

    /// <summary>From the image's axes, of these sides, to upright ones.</summary>
    private static SKMatrix Upright(SKEncodedOrigin origin, float w, float h) => origin switch
    {
        SKEncodedOrigin.TopRight => new(-1, 0, w, 0, 1, 0, 0, 0, 1),
        SKEncodedOrigin.BottomRight => new(-1, 0, w, 0, -1, h, 0, 0, 1),
        SKEncodedOrigin.BottomLeft => new(1, 0, 0, 0, -1, h, 0, 0, 1),
        SKEncodedOrigin.LeftTop => new(0, 1, 0, 1, 0, 0, 0, 0, 1),
        SKEncodedOrigin.RightTop => new(0, -1, h, 1, 0, 0, 0, 0, 1),
        SKEncodedOrigin.RightBottom => new(0, -1, h, -1, 0, w, 0, 0, 1),
        SKEncodedOrigin.LeftBottom => new(0, 1, 0, -1, 0, w, 0, 0, 1),
        _ => SKMatrix.Identity,
    };

    private static ProblemException Damaged() => new(422, ErrorCodes.ImageDamaged,
        "The image cannot be read: it is damaged, or not whole. Open it, save it anew and send that.");
}
