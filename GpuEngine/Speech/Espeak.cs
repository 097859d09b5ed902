using System.ComponentModel;
using System.Diagnostics;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Shares;

namespace Lyceum.GpuEngine.Speech;

/// <summary>
/// espeak-ng, a process for each sentence: text on its standard input, never on its command line; a WAV on its standard
/// output. Bounded in number, in time and in the length of its output; killed when its result is no longer wanted.
/// </summary>
internal sealed class Espeak
{
    // Twenty minutes of its 22.05 kHz: a sentence is far from it.
    private const int MaxBytes = 50 * 1024 * 1024;

    // Sentences that wait for a process; one more is rejected.
    private const int MaxWaiting = 2_000;

    private readonly string _program;
    private readonly TimeSpan _timeout;
    private readonly SharedBound _processes;
    private readonly SharedBound _wanted; // running and waiting

    public Espeak(string program, TtsOptions options, ShareOptions shares)
    {
        (_program, _timeout) = (program, options.Timeout);
        _processes = new SharedBound(
            options.EspeakProcesses > 0 ? options.EspeakProcesses : Environment.ProcessorCount, shares);
        _wanted = new SharedBound(_processes.Capacity + MaxWaiting, shares);
    }

    /// <summary>The program's path; null where it is not installed.</summary>
    public static string? Find(string program)
    {
        if (program.Contains('/'))
            return File.Exists(program) ? program : null;
        return program.Length == 0 ? null : (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }

    /// <summary>A WAV file of unknown length.</summary>
    /// <param name="who">Whom it is for: processes go around among people.</param>
    /// <param name="voice">One of <see cref="EspeakVoices"/>.</param>
    /// <exception cref="ApiException">It failed, took too long, or too many wait for it.</exception>
    public async Task<byte[]> SpeakAsync(Sharer who, string text, string voice, CancellationToken cancel)
    {
        using var wanted = _wanted.TryTake(who) ?? throw ApiException.Overloaded("Too much waits to be spoken.");
        using var running = await _processes.TakeAsync(who, cancel);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(_timeout);
        using var process = Start("--stdin", "--stdout", "-b", "1", "-v", voice);
        try
        {
            // Its errors are read at the same time, or it would block on a full pipe.
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            var wav = ReadAsync(process.StandardOutput.BaseStream, limit.Token);
            await process.StandardInput.WriteAsync(text.AsMemory(), limit.Token);
            process.StandardInput.Close();
            await Task.WhenAll(wav, errors);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? await wav : throw Failed($"ended with {process.ExitCode}: {(await errors).Trim()}");
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new ApiException(ApiError.Server(
                504, "speech_timeout", $"espeak-ng needed more than {_timeout.TotalSeconds:0.###} s (Tts:Timeout)."), e);
        }
        catch (IOException e)
        {
            throw Failed("broke its pipe", e);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    /// <summary>What it prints when called with these arguments.</summary>
    public async Task<string> AskAsync(string argument, CancellationToken cancel)
    {
        using var process = Start(argument);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(cancel);
        var answer = await process.StandardOutput.ReadToEndAsync(cancel);
        await errors;
        return answer;
    }

    private Process Start(params string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(_program, arguments)
            {
                UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
                StandardInputEncoding = new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            })!;
        }
        catch (Win32Exception e)
        {
            throw Failed("could not be started", e);
        }
    }

    private static async Task<byte[]> ReadAsync(Stream stream, CancellationToken cancel)
    {
        using var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer, cancel) is > 0 and var read)
        {
            await all.WriteAsync(buffer.AsMemory(0, read), cancel);
            if (all.Length > MaxBytes)
                throw Failed("does not stop speaking");
        }
        return all.ToArray();
    }

    private static ApiException Failed(string what, Exception? inner = null) =>
        new(ApiError.Server(502, "speech_failed", $"espeak-ng {what}"), inner);
}
