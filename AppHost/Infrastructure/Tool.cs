using System.ComponentModel;
using System.Diagnostics;

namespace Lyceum.AppHost.Infrastructure;

/// <summary>Asks a command of this machine a yes-or-no question while the model is being built.</summary>
internal static class Tool
{
    /// <summary>True when the command exists and exits with 0 within <paramref name="limit"/>; a slower one is killed.</summary>
    public static bool Succeeds(string command, TimeSpan limit, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(command, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            // Read and dropped, so that a talkative command never blocks on a full pipe.
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            process.StandardInput.Close();
            if (process.WaitForExit(limit))
                return process.ExitCode == 0;
            process.Kill(entireProcessTree: true);
            return false;
        }
        catch (Win32Exception)
        {
            return false; // no such command
        }
    }
}
