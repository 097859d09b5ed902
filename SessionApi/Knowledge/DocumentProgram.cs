using System.Buffers.Binary;
using System.Text;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>A passage with what it is found by (<see cref="SearchTerms.Vector"/>).</summary>
internal sealed record IndexedPassage(string Section, string Text, string Terms, int? Page = null);

/// <param name="Pages">Pages or slides; null where it has none.</param>
/// <param name="Note">What is missing of it; null: nothing.</param>
internal sealed record IndexedDocument(List<IndexedPassage> Passages, int? Pages = null, string? Note = null);

/// <summary>
/// The reader of files and large texts: a process of its own, which <see cref="DocumentReader"/> starts and can kill. A
/// parser cannot be stopped from outside, there is Markdown that costs the square of its length, and a file may be made
/// to overwhelm its reader. This process has no settings, no connection and no secret: it reads documents from its
/// standard input and writes their passages.
/// </summary>
/// <remarks>
/// Both ways, a message is its length in bytes (<c>int</c>, little-endian) and <see cref="BinaryWriter"/>'s fields; a
/// document's bytes follow its request. It ends at the end of its input, and by itself when a document took its CPU time:
/// nothing goes on where the parent died.
/// </remarks>
internal static class DocumentProgram
{
    /// <summary>
    /// The first argument that makes SessionApi this program; the second is the CPU time of a document, ms.
    /// </summary>
    public const string Command = "read-documents";

    /// <summary>Exit code: a document took its CPU time.</summary>
    public const int TookTooLong = 3;

    /// <summary>Exit code: a document could not be read within the memory there is.</summary>
    public const int OutOfMemory = 4;

    /// <summary>Exit code: the parent is gone, or this program has a mistake.</summary>
    private const int Failed = 5;

    /// <summary>Bytes of an answer; a longer one is none of this program's.</summary>
    public const int MaxAnswer = 512 * 1024 * 1024;

    private static long s_started; // ticks of CPU time when the present document was begun

    public static int Run(TimeSpan limit)
    {
        new Thread(() => Watch(limit)) { IsBackground = true }.Start();
        using var input = Console.OpenStandardInput();
        using var output = Console.OpenStandardOutput();
        try
        {
            while (ReadRequest(input) is { } request)
            {
                Volatile.Write(ref s_started, Environment.CpuUsage.TotalTime.Ticks);
                output.Write(Answer(request));
                output.Flush();
            }
            return 0;
        }
        catch (OutOfMemoryException)
        {
            return OutOfMemory;
        }
        catch (Exception)
        {
            return Failed;
        }
    }

    /// <summary>Reads and indexes a text in this process.</summary>
    /// <exception cref="ProblemException">400: what is wrong with it.</exception>
    public static List<IndexedPassage> Read(string mediaType, string name, string content) =>
        Index(name, Passages.Of(mediaType, content));

    /// <summary>A request for a document of so many bytes, which are sent behind it.</summary>
    public static byte[] Request(string mediaType, string name, FileBounds bounds, int length) => Message(fields =>
    {
        fields.Write(mediaType);
        fields.Write(name);
        fields.Write(bounds.MaxPages);
        fields.Write(bounds.MaxText);
        fields.Write(length);
    });

    /// <exception cref="ProblemException">400: what is wrong with the document.</exception>
    public static IndexedDocument ReadAnswer(byte[] message)
    {
        using var fields = new BinaryReader(new MemoryStream(message));
        if (fields.ReadString() is { Length: > 0 } code)
            throw new ProblemException(400, code, fields.ReadString());
        var pages = fields.ReadInt32();
        var note = fields.ReadString();
        var passages = new List<IndexedPassage>();
        for (var count = fields.ReadInt32(); count > 0; count--)
        {
            var (section, text, terms, page) = (fields.ReadString(), fields.ReadString(), fields.ReadString(), fields.ReadInt32());
            passages.Add(new(section, text, terms, OrNull(page)));
        }
        return new(passages, OrNull(pages), note.Length > 0 ? note : null);
    }

    private static int? OrNull(int page) => page > 0 ? page : null;

    private static List<IndexedPassage> Index(string name, IEnumerable<Passage> passages) =>
        [.. passages.Select(passage => new IndexedPassage(
            passage.Section, passage.Text, SearchTerms.Vector(name, passage.Section, passage.Text), passage.Page))];

    private static byte[] Answer(DocumentRequest request)
    {
        try
        {
            var text = Read(request);
            var passages = Index(request.Name, text.Passages);
            return Message(fields =>
            {
                fields.Write("");
                fields.Write(text.Pages ?? 0);
                fields.Write(text.Note ?? "");
                fields.Write(passages.Count);
                foreach (var passage in passages)
                {
                    fields.Write(passage.Section);
                    fields.Write(passage.Text);
                    fields.Write(passage.Terms);
                    fields.Write(passage.Page ?? 0);
                }
            });
        }
        catch (ProblemException e)
        {
            return Message(fields =>
            {
                fields.Write(e.Code);
                fields.Write(e.Message);
            });
        }
    }

    private static DocumentText Read(DocumentRequest request) => DocumentFiles.IsFile(request.MediaType)
        ? Open(request.MediaType, request.Content, request.Bounds)
        : new(Passages.Of(request.MediaType, Encoding.UTF8.GetString(request.Content)));

    /// <exception cref="ProblemException">400: why it cannot be read.</exception>
    internal static DocumentText Open(string mediaType, byte[] file, FileBounds bounds)
    {
        try
        {
            return DocumentFiles.Read(mediaType, file, bounds);
        }
        // Parsers throw whatever their own mistakes are.
        catch (Exception e) when (e is not (OutOfMemoryException or ProblemException))
        {
            throw Unreadable.Damaged(DocumentFiles.KindOf(mediaType));
        }
    }

    private static byte[] Message(Action<BinaryWriter> write)
    {
        var message = new MemoryStream();
        message.Write(new byte[sizeof(int)]);
        using (var fields = new BinaryWriter(message, new UTF8Encoding(false), leaveOpen: true))
            write(fields);
        BinaryPrimitives.WriteInt32LittleEndian(message.GetBuffer(), (int)message.Length - sizeof(int));
        return message.ToArray();
    }

    private static DocumentRequest? ReadRequest(Stream input)
    {
        var length = new byte[sizeof(int)];
        if (input.ReadAtLeast(length, length.Length, throwOnEndOfStream: false) < length.Length)
            return null;
        var message = new byte[BinaryPrimitives.ReadInt32LittleEndian(length)];
        input.ReadExactly(message);
        using var fields = new BinaryReader(new MemoryStream(message));
        var request = new DocumentRequest(
            fields.ReadString(), fields.ReadString(), new(fields.ReadInt32(), fields.ReadInt32()), new byte[fields.ReadInt32()]);
        input.ReadExactly(request.Content);
        return request;
    }

    private sealed record DocumentRequest(string MediaType, string Name, FileBounds Bounds, byte[] Content);

    private static void Watch(TimeSpan limit)
    {
        while (Environment.CpuUsage.TotalTime - TimeSpan.FromTicks(Volatile.Read(ref s_started)) < limit)
            Thread.Sleep(100);
        Environment.Exit(TookTooLong);
    }
}
