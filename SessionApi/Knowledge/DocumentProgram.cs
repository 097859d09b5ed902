using System.Buffers.Binary;
using System.Text;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>A passage with what it is found by (<see cref="SearchTerms.Vector"/>).</summary>
internal sealed record IndexedPassage(string Section, string Text, string Terms);

/// <summary>
/// The reader of large documents: a process of its own, which <see cref="DocumentReader"/> starts and can kill. A
/// parser cannot be stopped from outside, and there is Markdown that costs the square of its length. This process has
/// no settings, no connection and no secret: it reads documents from its standard input and writes their passages.
/// </summary>
/// <remarks>
/// Both ways, a message is its length in bytes (<c>int</c>, little-endian) and <see cref="BinaryWriter"/>'s fields. It
/// ends at the end of its input, and by itself when a document took its CPU time: nothing goes on where the parent
/// died.
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
    private const int Failed = 4;

    private static long s_started; // ticks of CPU time when the present document was begun

    public static int Run(TimeSpan limit)
    {
        new Thread(() => Watch(limit)) { IsBackground = true }.Start();
        using var input = Console.OpenStandardInput();
        using var output = Console.OpenStandardOutput();
        try
        {
            while (ReadRequest(input) is var (mediaType, name, content))
            {
                Volatile.Write(ref s_started, Environment.CpuUsage.TotalTime.Ticks);
                output.Write(Answer(mediaType, name, content));
                output.Flush();
            }
            return 0;
        }
        catch (Exception)
        {
            return Failed; // the parent is gone, or memory is used up
        }
    }

    /// <summary>Reads and indexes a document in this process.</summary>
    /// <exception cref="ProblemException">400: what is wrong with it.</exception>
    public static List<IndexedPassage> Read(string mediaType, string name, string content) =>
        [.. Passages.Of(mediaType, content).Select(passage =>
            new IndexedPassage(passage.Section, passage.Text, SearchTerms.Vector(name, passage.Section, passage.Text)))];

    public static byte[] Request(string mediaType, string name, string content) => Message(fields =>
    {
        fields.Write(mediaType);
        fields.Write(name);
        fields.Write(content);
    });

    /// <exception cref="ProblemException">400: what is wrong with the document.</exception>
    public static List<IndexedPassage> ReadAnswer(byte[] message)
    {
        using var fields = new BinaryReader(new MemoryStream(message));
        if (fields.ReadString() is { Length: > 0 } problem)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, problem);
        var passages = new List<IndexedPassage>(fields.ReadInt32());
        while (passages.Count < passages.Capacity)
            passages.Add(new(fields.ReadString(), fields.ReadString(), fields.ReadString()));
        return passages;
    }

    private static byte[] Answer(string mediaType, string name, string content)
    {
        try
        {
            var passages = Read(mediaType, name, content);
            return Message(fields =>
            {
                fields.Write("");
                fields.Write(passages.Count);
                foreach (var passage in passages)
                {
                    fields.Write(passage.Section);
                    fields.Write(passage.Text);
                    fields.Write(passage.Terms);
                }
            });
        }
        catch (ProblemException e)
        {
            return Message(fields => fields.Write(e.Message));
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

    private static (string MediaType, string Name, string Content)? ReadRequest(Stream input)
    {
        var length = new byte[sizeof(int)];
        if (input.ReadAtLeast(length, length.Length, throwOnEndOfStream: false) < length.Length)
            return null;
        var message = new byte[BinaryPrimitives.ReadInt32LittleEndian(length)];
        input.ReadExactly(message);
        using var fields = new BinaryReader(new MemoryStream(message));
        return (fields.ReadString(), fields.ReadString(), fields.ReadString());
    }

    private static void Watch(TimeSpan limit)
    {
        while (Environment.CpuUsage.TotalTime - TimeSpan.FromTicks(Volatile.Read(ref s_started)) < limit)
            Thread.Sleep(100);
        Environment.Exit(TookTooLong);
    }
}
