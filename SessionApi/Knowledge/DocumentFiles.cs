using System.Text;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>What was read out of a document.</summary>
/// <param name="Pages">Pages or slides; null where it has none.</param>
/// <param name="Note">What is missing, for whoever sent it; null: nothing.</param>
internal sealed record DocumentText(IReadOnlyList<Passage> Passages, int? Pages = null, string? Note = null);

/// <summary>Bounds of reading a file; what is beyond them is rejected.</summary>
/// <param name="MaxText">Characters.</param>
internal sealed record FileBounds(int MaxPages, int MaxText);

/// <summary>
/// Documents that are files of a program rather than texts: PDF, DOCX, PPTX. They are kept as they came and read in the
/// background, always in a process of its own (<see cref="DocumentProgram"/>).
/// </summary>
internal static class DocumentFiles
{
    public const string Pdf = "application/pdf";
    public const string Word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    public const string Slides = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

    /// <summary>Bytes in which a PDF's mark stands; what programs prefix is skipped by every reader.</summary>
    private const int PdfStart = 1024;

    public static readonly IReadOnlyList<string> MediaTypes = [Pdf, Word, Slides];

    public static string KindOf(string mediaType) => mediaType switch { Pdf => "PDF", Word => "DOCX", _ => "PPTX" };

    public static bool IsFile(string mediaType) => MediaTypes.Contains(mediaType);

    public static string? MediaTypeOf(string extension) => extension switch
    {
        ".pdf" => Pdf,
        ".docx" => Word,
        ".pptx" => Slides,
        _ => null,
    };

    /// <exception cref="ServiceDefaults.Errors.ProblemException">400: why it cannot be read.</exception>
    public static DocumentText Read(string mediaType, byte[] file, FileBounds bounds)
    {
        var kind = KindOf(mediaType);
        var found = Found(file);
        if (found == "an old Office file" && mediaType != Pdf)
        {
            // A protected DOCX is an old container around the encrypted one.
            throw file.AsSpan().IndexOf(Encoding.Unicode.GetBytes("EncryptedPackage")) >= 0
                ? Unreadable.Encrypted()
                : Unreadable.WrongType(kind, "it is of an older Office. Save it as .docx or .pptx, and send that");
        }
        if (found != (mediaType == Pdf ? "a PDF" : "a ZIP archive"))
            throw Unreadable.WrongType(kind, file.Length == 0 ? "it is empty" : $"it is {found}");
        if (mediaType != Pdf && OfficeText.KindOf(file) is var office && office != kind)
            throw Unreadable.WrongType(kind, office is null ? "it is a ZIP archive of something else" : $"it is {office}");
        var text = mediaType switch
        {
            Pdf => PdfText.Read(file, bounds),
            Word => WordText.Read(file, bounds),
            _ => SlideText.Read(file, bounds),
        };
        return text.Passages.Count > 0 ? text : throw (mediaType == Pdf ? Unreadable.WithoutText() : Unreadable.Empty());
    }

    private static string Found(byte[] file)
    {
        var start = file.AsSpan(0, Math.Min(file.Length, PdfStart));
        if (start.IndexOf("%PDF-"u8) >= 0)
            return "a PDF";
        if (start.StartsWith("PK\x03\x04"u8) || start.StartsWith("PK\x05\x06"u8))
            return "a ZIP archive";
        if (start.StartsWith((byte[])[0xD0, 0xCF, 0x11, 0xE0]))
            return "an old Office file";
        return start.IndexOfAnyExcept((byte)0) < 0 ? "nothing but zeros" : "something else";
    }
}
