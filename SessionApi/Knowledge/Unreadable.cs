using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// Why a document cannot be read, in words for whoever sent it: the <c>failure</c> and <c>detail</c> of a document that
/// failed.
/// </summary>
internal static class Unreadable
{
    public static ProblemException Encrypted() => new(400, ErrorCodes.DocumentEncrypted,
        "The file is protected by a password. Save a copy without one, and send that.");

    public static ProblemException WithoutText() => new(400, ErrorCodes.DocumentWithoutText,
        "The file has no text: its pages are probably scanned pictures. Run text recognition (OCR) over it first, and send " +
        "the result.");

    public static ProblemException Empty() => new(400, ErrorCodes.DocumentWithoutText, "The file has no text in it.");

    public static ProblemException Damaged(string kind) => new(400, ErrorCodes.DocumentDamaged,
        $"The file is damaged, or not whole: it cannot be read as {kind}. Open it in the program that made it, save it " +
        "again, and send that.");

    public static ProblemException WrongType(string kind, string found) => new(400, ErrorCodes.DocumentWrongType,
        $"The file is no {kind}, although it was sent as one: {found}.");

    public static ProblemException TooManyPages(int pages, int most) => new(400, ErrorCodes.DocumentTooLarge,
        $"The file has {pages} pages; at most {most} are read (Knowledge:MaxPages). Divide it.");

    public static ProblemException TooMuchText(int most) => new(400, ErrorCodes.DocumentTooLarge,
        $"The file has more than {most} characters of text, or of what its text is packed in. Divide it.");

    public static ProblemException TooMuchMemory() => new(400, ErrorCodes.DocumentTooLarge,
        "The file cannot be read within the memory there is for one. Divide it, or save it again without its pictures.");

    public static ProblemException TookTooLong(TimeSpan limit) => new(400, ErrorCodes.DocumentTookTooLong,
        $"The file could not be read within {limit.TotalSeconds:0.#} s (Knowledge:MaxFileReadingTime). Divide it, or save it " +
        "again without its pictures.");

    /// <summary>The process that read it, or the service with it, died each time.</summary>
    public static ProblemException Died(int attempts) => new(400, ErrorCodes.DocumentDamaged,
        $"The file could not be read: the program that reads documents ended {attempts} times while it read this one. Save it " +
        "again in another program, and send that.");
}
