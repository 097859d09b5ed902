using System.Diagnostics;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests.Documents;

/// <summary>SessionApi as a program of its own, that can be killed.</summary>
public sealed class SessionProcess : IAsyncDisposable
{
    private const string Listening = "Now listening on: ";

    private readonly Process _process;

    private SessionProcess(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    public static async Task<SessionProcess> StartAsync(IdentityFolder identity, string database)
    {
        var start = new ProcessStartInfo(
            Path.ChangeExtension(typeof(Program).Assembly.Location, null), ["--urls", "http://127.0.0.1:0"])
        {
            RedirectStandardOutput = true,
        };
        foreach (var (key, value) in identity.Settings("session-api")
            .Append(new("ConnectionStrings:sessiondb", $"{database};Maximum Pool Size=10"))
            .Append(new("Logging:LogLevel:Microsoft.Hosting.Lifetime", "Information"))
            .Append(new("Logging:Console:FormatterName", "simple")))
            start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        var address = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data?.IndexOf(Listening, StringComparison.Ordinal) is >= 0 and var at)
                address.TrySetResult(new Uri(line.Data[(at + Listening.Length)..].Trim()));
        };
        process.Exited += (_, _) => address.TrySetException(new InvalidOperationException("SessionApi ended"));
        process.Start();
        process.BeginOutputReadLine();
        return new(process, await address.Task.WaitAsync(Eventually.Limit));
    }

    /// <summary>As <c>kill -9</c>: of the service alone; what it started is on its own.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
