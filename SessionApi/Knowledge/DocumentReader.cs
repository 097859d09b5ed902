using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// Makes passages of documents, bounded in time and stoppable. Small texts are read here: the worst of them costs some
/// tenths of a second. Larger ones, and every file, are read by <see cref="DocumentProgram"/> in a process of its own,
/// which is killed when its time is over or the caller has gone. A tenant reads one text at a time, and at most as many
/// are read at a time as the machine has cores; how many files are, <see cref="DocumentWork"/> says.
/// </summary>
internal sealed class DocumentReader(IOptions<KnowledgeOptions> options) : IDisposable
{
    /// <summary>Characters of the largest document that is read in this process.</summary>
    internal const int Small = 8 * 1024;

    /// <summary>Readings of one tenant that wait for their turn; more are 429.</summary>
    private const int MaxWaiting = 16;

    /// <summary>
    /// As hexadecimal bytes: what a reader may keep on its heap. 8 MB of real Markdown need a quarter of it. Its parsers
    /// allocate nothing of size elsewhere, so that with the runtime itself a reader stays below 1 GiB.
    /// </summary>
    private const string MaxHeap = "30000000";

    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, Turn> _turns = []; // under its lock; those that somebody holds or waits for
    private readonly SemaphoreSlim _places = new(Math.Max(2, Environment.ProcessorCount));

    private readonly TimeSpan _limit = options.Value.MaxReadingTime;

    private sealed class Turn(SemaphoreSlim free)
    {
        public SemaphoreSlim Free => free;
        public int Users { get; set; }
    }

    /// <summary>Waits for the tenant's turn, which ends when the result is disposed.</summary>
    /// <exception cref="ProblemException">429: too many of the tenant's documents wait already.</exception>
    public async Task<Reading> BeginAsync(string tenant, CancellationToken cancellationToken)
    {
        Turn turn;
        lock (_turns)
        {
            turn = _turns.TryGetValue(tenant, out var present) ? present : _turns[tenant] = new Turn(new SemaphoreSlim(1));
            if (turn.Users > MaxWaiting)
                throw Busy();
            turn.Users++;
        }
        try
        {
            if (await turn.Free.WaitAsync(MaxWait, cancellationToken))
                return new Reading(this, tenant);
        }
        catch (OperationCanceledException)
        {
            Leave(tenant);
            throw;
        }
        Leave(tenant);
        throw Busy();
    }

    public void Dispose() => _places.Dispose();

    /// <summary>Reads a file in a process for it alone.</summary>
    /// <exception cref="ProblemException">400: it cannot be read, or not within its bounds.</exception>
    /// <exception cref="ReaderDiedException">The process ended without saying why.</exception>
    public async Task<IndexedDocument> ReadFileAsync(
        string mediaType, string name, byte[] content, CancellationToken cancellationToken)
    {
        var limit = options.Value.MaxFileReadingTime;
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(limit);
        using var process = Start(limit);
        await using var kill = bound.Token.Register(() => Kill(process));
        try
        {
            var bounds = new FileBounds(options.Value.MaxPages, options.Value.MaxDocumentBytes);
            var request = DocumentProgram.Request(mediaType, name, bounds, content.Length);
            return DocumentProgram.ReadAnswer(await ExchangeAsync(process, request, content, bound.Token));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (bound.IsCancellationRequested)
                throw Unreadable.TookTooLong(limit);
            await process.WaitForExitAsync(bound.Token); // its output has ended, so it does
            throw process.ExitCode switch
            {
                DocumentProgram.TookTooLong => Unreadable.TookTooLong(limit),
                DocumentProgram.OutOfMemory => Unreadable.TooMuchMemory(),
                var code => new ReaderDiedException(code),
            };
        }
        finally
        {
            Kill(process);
        }
    }

    private void End(string tenant)
    {
        lock (_turns)
            _turns[tenant].Free.Release();
        Leave(tenant);
    }

    private void Leave(string tenant)
    {
        lock (_turns)
        {
            if (--_turns[tenant].Users == 0)
                _turns.Remove(tenant);
        }
    }

    private static ProblemException Busy() => new(
        429, ErrorCodes.Overloaded, "Too many documents of this tenant are being read; send them one after the other.",
        TimeSpan.FromSeconds(10));

    /// <summary>One tenant's turn: any number of documents, one after the other.</summary>
    internal sealed class Reading(DocumentReader reader, string tenant) : IDisposable
    {
        private Process? _process;

        /// <exception cref="ProblemException">400: it cannot be read, or not within its time.</exception>
        public async Task<List<IndexedPassage>> ReadAsync(
            string mediaType, string name, string content, CancellationToken cancellationToken)
        {
            if (content.Length <= Small)
                return DocumentProgram.Read(mediaType, name, content);
            // For one document: whoever has a thousand lets others in between.
            if (!await reader._places.WaitAsync(MaxWait, cancellationToken))
                throw Busy();
            try
            {
                return await ReadElsewhereAsync(mediaType, name, content, cancellationToken);
            }
            finally
            {
                reader._places.Release();
            }
        }

        private async Task<List<IndexedPassage>> ReadElsewhereAsync(
            string mediaType, string name, string content, CancellationToken cancellationToken)
        {
            var limit = reader._limit;
            var process = _process ??= Start(limit);
            // CPU time is the reader's own bound; this one is for a machine that gives it none.
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            bound.CancelAfter(limit * 6 + TimeSpan.FromSeconds(10));
            await using var kill = bound.Token.Register(() => Kill(process));
            try
            {
                var bytes = Encoding.UTF8.GetBytes(content);
                var request = DocumentProgram.Request(mediaType, name, new(0, 0), bytes.Length);
                return DocumentProgram.ReadAnswer(
                    await ExchangeAsync(process, request, bytes, bound.Token)).Passages;
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                Stop();
                cancellationToken.ThrowIfCancellationRequested();
                throw new ProblemException(400, ErrorCodes.InvalidRequest,
                    $"The document cannot be read within {limit.TotalSeconds:0.#} s of CPU time and the memory for it " +
                    "(Knowledge:MaxReadingTime): are brackets or tags left open throughout? Divide it, or send it as text/plain.");
            }
        }

        public void Dispose()
        {
            Stop();
            reader.End(tenant);
        }

        private void Stop()
        {
            if (_process is not { } process)
                return;
            _process = null;
            Kill(process);
            process.Dispose();
        }
    }

    private static Process Start(TimeSpan limit)
    {
        var process = Process.Start(Program(limit)) ?? throw new InvalidOperationException("no new process");
        // What the runtime prints when a process dies of its document may be long, and helps nobody.
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        try
        {
            process.PriorityClass = ProcessPriorityClass.BelowNormal; // answers go before documents
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            // It has ended already, or the system has no priorities: the reading shows which.
        }
        return process;
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            // It has ended, or was disposed of meanwhile.
        }
    }

    private static async Task<byte[]> ExchangeAsync(
        Process process, byte[] request, byte[] content, CancellationToken cancellationToken)
    {
        await process.StandardInput.BaseStream.WriteAsync(request, cancellationToken);
        await process.StandardInput.BaseStream.WriteAsync(content, cancellationToken);
        await process.StandardInput.BaseStream.FlushAsync(cancellationToken);
        var answers = process.StandardOutput.BaseStream;
        var length = new byte[sizeof(int)];
        await answers.ReadExactlyAsync(length, cancellationToken);
        var size = BinaryPrimitives.ReadInt32LittleEndian(length);
        if (size is < 0 or > DocumentProgram.MaxAnswer)
            throw new IOException("no answer of the program that reads documents");
        var answer = new byte[size];
        await answers.ReadExactlyAsync(answer, cancellationToken);
        return answer;
    }

    /// <summary>This service's own program, by the runtime that this process runs on.</summary>
    private static ProcessStartInfo Program(TimeSpan limit)
    {
        var program = typeof(DocumentReader).Assembly.Location;
        var root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        var dotnet = Path.Combine(root, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
        var arguments = new[]
        {
            DocumentProgram.Command, ((long)limit.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
        };
        var start = File.Exists(dotnet)
            ? new ProcessStartInfo(dotnet, [program, .. arguments])
            : new ProcessStartInfo(Path.ChangeExtension(program, OperatingSystem.IsWindows() ? "exe" : null), arguments);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        // What it reads is hostile at worst: it gets none of this process's settings.
        foreach (var name in start.Environment.Keys.Except(["PATH", "HOME", "TMPDIR", "SystemRoot"]).ToList())
            start.Environment.Remove(name);
        start.Environment["DOTNET_ROOT"] = root;
        start.Environment["DOTNET_GCHeapHardLimit"] = MaxHeap;
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return start;
    }
}

/// <summary>The process that read a document ended without an answer: a crash, or somebody ended it.</summary>
internal sealed class ReaderDiedException(int exitCode)
    : Exception($"the program that reads documents ended with code {exitCode}");
