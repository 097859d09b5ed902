using System.Text;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.SessionApi.Accounts;
using Microsoft.Net.Http.Headers;

namespace Lyceum.SessionApi.People;

/// <summary>A line of a teacher's list.</summary>
/// <param name="Line">In the file, from 1: where it begins.</param>
/// <param name="Username">Normalized; null: one is made.</param>
internal sealed record StudentLine(int Line, string Name, string? Username);

/// <summary>
/// Reads <c>name[,username]</c> as spreadsheets write it: RFC 4180, with a comma, a semicolon or a tab, quoted fields, any line
/// end, a byte order mark, a heading or none.
/// </summary>
internal static class StudentList
{
    public const int MaxStudents = 300;
    private const int MaxBytes = 256 * 1024;
    private const int MaxName = 100;

    private static readonly string[] Headings = ["name", "names", "student", "students", "姓名", "名字", "学生", "學生"];

    /// <exception cref="ProblemException">400, 413 or 415: what is wrong with it, by line.</exception>
    public static async Task<List<StudentLine>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var type = MediaTypeHeaderValue.TryParse(request.ContentType, out var parsed) ? parsed : null;
        if (type?.MediaType.Value?.ToLowerInvariant() is not ("text/csv" or "text/plain" or "application/csv" or "application/vnd.ms-excel"))
            throw new ProblemException(415, ErrorCodes.UnsupportedMediaType, "The list must be text/csv: a line name,username for each student.");
        using var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int read; (read = await request.Body.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            if (bytes.Length + read > MaxBytes)
                throw new ProblemException(413, ErrorCodes.PayloadTooLarge, $"A list may have {MaxBytes} bytes.");
            await bytes.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }
        var (text, error) = Charsets.Decode(bytes.GetBuffer().AsSpan(0, (int)bytes.Length), type.Charset.Value);
        return text is null
            ? throw Invalid($"The list is {error}. Send UTF-8, or name its charset: Content-Type: text/csv; charset=gbk")
            : Parse(text);
    }

    internal static List<StudentLine> Parse(string text)
    {
        var rows = Rows(text).Where(row => row.Fields.Exists(field => field.Length > 0)).ToList();
        if (rows is [var first, ..] && Headings.Contains(first.Fields[0].ToLowerInvariant()))
            rows.RemoveAt(0);
        if (rows.Count is 0 or > MaxStudents)
            throw Invalid($"A list must have 1 to {MaxStudents} students; this has {rows.Count}.");
        var (students, errors) = (new List<StudentLine>(rows.Count), new ValidationErrors());
        var taken = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (line, fields) in rows)
        {
            var (field, name) = ($"line {line}", fields[0]);
            errors.AddIf(name.Length is 0 or > MaxName || name.Any(char.IsControl) || HasHalfPair(name),
                field, $"line {line}: the name must have 1 to {MaxName} characters, without line breaks.");
            errors.AddIf(fields.Count > 2, field, $"line {line}: a line is name,username; quote a name that has a comma.");
            var username = fields.Count > 1 && fields[1].Length > 0 ? Username.Normalize(fields[1]) : null;
            if (username is not null)
            {
                errors.AddIf(!Username.IsValid(username), field, $"line {line}: {Username.Rule}");
                if (!taken.TryAdd(username, line))
                    errors.Add(field, $"line {line}: the username is in line {taken[username]} too.");
            }
            students.Add(new(line, name, username));
        }
        errors.ThrowIfAny();
        return students;
    }

    private static bool HasHalfPair(string text) => text.EnumerateRunes().Any(rune => rune == Rune.ReplacementChar);

    /// <summary>In one pass: what it costs does not depend on what is in it.</summary>
    private static IEnumerable<(int Line, List<string> Fields)> Rows(string text)
    {
        var separator = Separator(text);
        var (fields, field, line, begun) = (new List<string>(), new StringBuilder(), 1, 1);
        var (isQuoted, isBlank) = (false, true); // blank: nothing but spaces in the field yet
        for (var i = 0; i <= text.Length; i++)
        {
            var c = i < text.Length ? text[i] : '\n';
            if (c == '\n' || (c == '\r' && (i + 1 >= text.Length || text[i + 1] != '\n')))
                line++;
            if (isQuoted && i < text.Length)
            {
                if (c != '"')
                    field.Append(c);
                else if (i + 1 < text.Length && text[i + 1] == '"')
                    field.Append(text[i++]);
                else
                    isQuoted = false;
                continue;
            }
            if (isQuoted)
                throw Invalid($"line {begun}: the quote \" is not closed.");
            if (c == '"' && isBlank)
            {
                field.Clear();
                (isQuoted, isBlank) = (true, false);
            }
            else if (c == separator || c is '\n' or '\r')
            {
                fields.Add(field.ToString().Trim());
                field.Clear();
                isBlank = true;
                if (c == separator)
                    continue;
                yield return (begun, fields);
                (fields, begun) = ([], line);
                if (c == '\r' && i + 1 < text.Length && text[i + 1] == '\n')
                    (i, line, begun) = (i + 1, line + 1, line + 1);
            }
            else
            {
                field.Append(c);
                isBlank &= char.IsWhiteSpace(c);
            }
        }
    }

    /// <summary>Spreadsheets of some countries write a semicolon; what is copied from one has tabs.</summary>
    private static char Separator(string text)
    {
        var first = text.AsSpan();
        if (first.IndexOfAny('\r', '\n') is >= 0 and var end)
            first = first[..end];
        return first.Contains(',') ? ',' : first.Contains(';') ? ';' : first.Contains('\t') ? '\t' : ',';
    }

    private static ProblemException Invalid(string detail) => new(400, ErrorCodes.InvalidRequest, detail);
}
