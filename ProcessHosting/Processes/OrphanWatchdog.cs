using System.Diagnostics;
using System.Globalization;

namespace Aspire.Hosting.Processes;

/// <summary>
/// One small process per host that outlives it: it holds the read end of a pipe, learns of each child, and when the pipe
/// breaks (however the host ended, <c>kill -9</c> included) ends the children that are left. PDEATHSIG would not do: it
/// fires when the thread that started the child ends.
/// </summary>
internal sealed class OrphanWatchdog(ProcessOptions options) : IDisposable
{
    // A child is found by the session that it leads, its start time telling it from a later process with the same pid,
    // and by the marker in its environment. The marker covers a child that was started in the very moment in which the
    // host died, before it was announced, and those that left the session, as daemons do.
    private const string Script = """
        exec >/dev/null 2>&1
        trap '' HUP INT TERM
        cd /
        marker=$1 grace=$2 announced= sessions=' '
        while read -r pid start; do announced="$announced $pid:$start"; done

        stat() { read -r line < "/proc/$1/stat" && line=${line##*\) }; }

        for child in $announced; do
          if stat "${child%:*}"; then
            set -- $line
            [ "${20}" = "${child#*:}" ] || continue
          fi
          sessions="$sessions${child%:*} "
        done

        left() {
          marked=" $(grep -lzF "$marker" /proc/[0-9]*/environ | tr '\n' ' ')"
          for directory in /proc/[0-9]*; do
            pid=${directory#/proc/}
            stat "$pid" || continue
            set -- $line
            case $1 in Z|X) continue;; esac
            case "$sessions" in *" $4 "*) echo "$pid"; continue;; esac
            case "$marked" in *" $directory/environ "*) echo "$pid";; esac
          done
        }

        pids=$(left)
        [ -n "$pids" ] || exit 0
        kill -TERM $pids
        looks=$((grace * 5))
        while [ "$looks" -gt 0 ] && [ -n "$(left)" ]; do sleep 0.2; looks=$((looks - 1)); done
        pids=$(left)
        [ -z "$pids" ] || kill -KILL $pids
        """;

    private readonly Lock _lock = new();
    private Process? _process;

    /// <summary>The variable that every child of a host carries.</summary>
    public const string MarkerVariable = "PROCESS_HOSTING_CHILD";

    /// <summary>The beginning of the value of <see cref="MarkerVariable"/> in all children of this host.</summary>
    public string HostId { get; } = Guid.CreateVersion7().ToString("N");

    /// <summary>To be called before a child is started.</summary>
    public void EnsureStarted()
    {
        lock (_lock)
        {
            if (_process is { HasExited: false })
                return;

            _process?.Dispose();
            // Its own session, so that what a terminal or a supervisor sends to the host's group does not reach it.
            var start = new ProcessStartInfo(Programs.Find("setsid"))
            {
                RedirectStandardInput = true,
                UseShellExecute = false,
                ArgumentList =
                {
                    "sh", "-c", Script, "orphan-watchdog", $"{MarkerVariable}={HostId}",
                    Math.Ceiling(options.StopTimeout.TotalSeconds).ToString(CultureInfo.InvariantCulture),
                },
            };
            // A host that is itself another host's child is killed with all that carry its marker; this must survive it.
            start.Environment.Remove(MarkerVariable);
            _process = Process.Start(start)
                ?? throw new InvalidOperationException("The orphan watchdog did not start.");
        }
    }

    /// <summary>Makes a child known; nothing happens if it has ended already.</summary>
    public void Announce(int pid)
    {
        if (ProcessTable.StartTime(pid) is not { } startTime)
            return;

        lock (_lock)
        {
            try
            {
                _process?.StandardInput.Write(string.Create(CultureInfo.InvariantCulture, $"{pid} {startTime}\n"));
                _process?.StandardInput.Flush();
            }
            catch (IOException)
            {
                // Somebody killed the watchdog. The next start of a child brings a new one, which knows this one by its marker.
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            try
            {
                _process?.StandardInput.Dispose();
            }
            catch (IOException)
            {
                // It is gone already.
            }

            _process?.Dispose();
            _process = null;
        }
    }
}
