using System.Text;
using Lyceum.ChatApi.Images;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using SkiaSharp;

namespace Lyceum.Tests.ChatApi;

/// <summary>What is made of an upload, which may be hostile.</summary>
public sealed class ImageCodecTests
{
    private const long MaxPixels = 50_000_000;

    /// <summary>Where the red and the green quarter are to be seen: 0 top left, 1 top right, 2 bottom left, 3 bottom right.</summary>
    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(2, 1, 0)]
    [InlineData(3, 3, 2)]
    [InlineData(4, 2, 3)]
    [InlineData(5, 0, 2)]
    [InlineData(6, 1, 3)]
    [InlineData(7, 3, 1)]
    [InlineData(8, 2, 0)]
    public void Photograph_TurnedByItsExif_IsUprightAndSaysNothingElse(ushort orientation, int red, int green)
    {
        var upload = TestImages.WithExif(TestImages.Quarters(), orientation);
        Encoding.Latin1.GetString(upload).ShouldContain(TestImages.Secret);

        var image = Encode(upload);

        (image.Width, image.Height).ShouldBe(orientation < 5 ? (64, 48) : (48, 64));
        using var seen = SKBitmap.Decode(image.Data);
        (seen.Width, seen.Height).ShouldBe((image.Width, image.Height));
        ColorOf(seen, red).ShouldBe("red");
        ColorOf(seen, green).ShouldBe("green");
        ShouldBePlain(image);
    }

    [Fact]
    public void Formats_OfAllKinds_AreRead()
    {
        var gray = new byte[4 * (1 + 4 * 2)]; // four rows of four pixels of 16 bits
        Array.Fill(gray, (byte)0x80);
        for (var row = 0; row < 4; row++)
            gray[row * 9] = 0;
        var clear = new byte[4 * (1 + 4 * 4)]; // nothing is to be seen: RGBA of zeros

        Encode(TestImages.Quarters(format: SKEncodedImageFormat.Png)).ShouldSatisfyAllConditions(
            image => (image.Width, image.Height).ShouldBe((64, 48)), ShouldBePlain);
        Encode(TestImages.Quarters(format: SKEncodedImageFormat.Webp)).Width.ShouldBe(64);
        Encode(TestImages.CmykJpeg()).Width.ShouldBe(8);
        Encode(TestImages.Png(4, 4, 16, 0, gray)).Width.ShouldBe(4);
        // What is transparent is white, as on paper: black lines would not be seen on black.
        using var transparent = SKBitmap.Decode(Encode(TestImages.Png(4, 4, 8, 6, clear)).Data);
        transparent.GetPixel(1, 1).ShouldBe(SKColors.White);
        Encode(TestImages.Png(4, 4, 8, 6, clear, text: new string('a', 5_000_000))).ShouldBePlain();
        Encode(TestImages.Png(4, 4, 8, 6, clear, text: TestImages.Secret)).ShouldBePlain();
    }

    /// <summary>Bytes after the end, of another file, are not kept.</summary>
    [Fact]
    public void Image_WithAnotherFileBehindIt_KeepsTheImageAlone() =>
        ShouldBePlain(Encode([.. TestImages.Quarters(), .. "PK\x03\x04"u8, .. Encoding.ASCII.GetBytes(TestImages.Secret)]));

    [Fact]
    public void LargeImages_AreMadeSmaller_UntilTheyFit()
    {
        var wide = Encode(TestImages.Quarters(2400, 600));
        (wide.Width, wide.Height).ShouldBe((2048, 512));
        var thin = Encode(TestImages.Quarters(1, 6000, SKEncodedImageFormat.Png));
        (thin.Width, thin.Height).ShouldBe((1, 2048));
        var noise = Encode(TestImages.Noise(2200, 1200, SKEncodedImageFormat.Jpeg));
        noise.Data.Length.ShouldBeLessThanOrEqualTo(ImageLimits.StoredBytes);
        Math.Max(noise.Width, noise.Height).ShouldBeLessThan(2048);
    }

    /// <summary>What is just small enough: some seconds, and 350 MB at most.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public void LargestImages_AreRead()
    {
        Encode(TestImages.Png(7071, 7071, 8, 2, new byte[7071 * (1 + 3 * 7071)])).Width.ShouldBe(2048);
        Encode(TestImages.Quarters(7071, 7071)).Width.ShouldBe(2048);
        Encode(TestImages.Quarters(7071, 7071, SKEncodedImageFormat.Webp)).Width.ShouldBe(2048);
    }

    public static TheoryData<string, int, string> Hostile => new()
    {
        { "nothing but a beginning of PNG", 422, ErrorCodes.ImageDamaged },
        { "PNG cut in its middle", 422, ErrorCodes.ImageDamaged },
        { "PNG with a wrong checksum", 422, ErrorCodes.ImageDamaged },
        { "JPEG cut in its middle", 422, ErrorCodes.ImageDamaged },
        { "JPEG of noise behind its beginning", 422, ErrorCodes.ImageDamaged },
        { "WebP cut in its middle", 422, ErrorCodes.ImageDamaged },
        { "WebP that moves", 415, ErrorCodes.UnsupportedImage },
        { "PNG of four billion pixels", 413, ErrorCodes.PayloadTooLarge },
        { "PNG one pixel too large", 413, ErrorCodes.PayloadTooLarge },
        { "PNG without pixels", 422, ErrorCodes.ImageDamaged },
        { "JPEG of four billion pixels", 413, ErrorCodes.PayloadTooLarge },
        { "HEIC", 415, ErrorCodes.UnsupportedImage },
        { "GIF", 415, ErrorCodes.UnsupportedImage },
        { "SVG", 415, ErrorCodes.UnsupportedImage },
        { "BMP", 415, ErrorCodes.UnsupportedImage },
        { "noise", 415, ErrorCodes.UnsupportedImage },
        { "one byte", 415, ErrorCodes.UnsupportedImage },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void HostileFile_IsRefusedInWords(string what, int status, string code)
    {
        var refused = Should.Throw<ProblemException>(() => Encode(Make(what)));

        (refused.Status, refused.Code).ShouldBe((status, code));
        if (what is "HEIC")
            refused.Message.ShouldContain("JPEG");
    }

    private static byte[] Make(string what)
    {
        var (png, jpeg) = (TestImages.Quarters(format: SKEncodedImageFormat.Png), TestImages.Quarters());
        var noise = new byte[5000];
        new Random(3).NextBytes(noise);
        noise[0] = 1;
        switch (what)
        {
            case "nothing but a beginning of PNG":
                return png[..8];
            case "PNG cut in its middle":
                return TestImages.Noise(100, 100, SKEncodedImageFormat.Png)[..20_000];
            case "PNG with a wrong checksum":
                png[^20] ^= 0x55;
                return png;
            case "JPEG cut in its middle":
                return TestImages.Noise(100, 100, SKEncodedImageFormat.Jpeg)[..4_000];
            case "JPEG of noise behind its beginning":
                return [.. jpeg[..20], .. noise];
            case "WebP cut in its middle":
                return TestImages.Noise(100, 100, SKEncodedImageFormat.Webp)[..2_000];
            case "WebP that moves":
                return TestImages.AnimatedWebp();
            case "PNG of four billion pixels":
                return TestImages.Png(65_535, 65_535, 1, 0, new byte[1000]);
            case "PNG one pixel too large":
                return TestImages.Png(50_001, 1_000, 1, 0, new byte[1000]);
            case "PNG without pixels":
                return TestImages.Png(0, 4, 8, 0, new byte[4]);
            case "JPEG of four billion pixels":
                var at = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
                jpeg.AsSpan(at + 5, 4).Fill(0xF0);
                return jpeg;
            case "HEIC":
                return [0, 0, 0, 24, .. "ftypheic"u8, .. noise];
            case "GIF":
                return [.. "GIF89a"u8, .. noise];
            case "SVG":
                return [.. "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"u8];
            case "BMP":
                return [.. "BM"u8, .. noise];
            case "one byte":
                return [0xFF];
            default:
                return noise;
        }
    }

    private static EncodedImage Encode(byte[] upload) => ImageCodec.Encode(upload, MaxPixels);

    private static void ShouldBePlain(EncodedImage image) => image.ShouldBePlain();

    private static string ColorOf(SKBitmap image, int quarter)
    {
        var color = image.GetPixel(image.Width * (1 + quarter % 2 * 2) / 4, image.Height * (1 + quarter / 2 * 2) / 4);
        return color is { Red: > 200, Green: < 60, Blue: < 60 } ? "red"
            : color is { Red: < 60, Green: > 200, Blue: < 60 } ? "green" : color.ToString();
    }
}

internal static class EncodedImages
{
    /// <summary>JPEG without anything that is not its picture.</summary>
    public static void ShouldBePlain(this EncodedImage image)
    {
        var text = Encoding.Latin1.GetString(image.Data);
        text.ShouldStartWith("\xFF\xD8\xFF");
        text.ShouldNotContain("Exif");
        text.ShouldNotContain("http://ns.adobe.com");
        text.ShouldNotContain("PK\x03\x04");
        text.ShouldNotContain(TestImages.Secret);
        image.Data.Length.ShouldBeLessThanOrEqualTo(ImageLimits.StoredBytes);
    }
}
