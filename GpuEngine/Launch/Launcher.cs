namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// The small shell process between the engine and the model server. It starts the server in a session of its own and reads a
/// pipe whose other end only the engine has. When that pipe ends, because the engine closes it or because the engine is
/// gone (<c>kill -9</c> included), it stops the server: there is one way to stop it, which is always the same.
/// PDEATHSIG does not suffice: it does not reach the server's workers, and it fires when the thread that started it
/// ends.
/// </summary>
internal static class Launcher
{
    /// <summary>Set in all that the server starts; finds processes that left its session, as daemons do.</summary>
    public const string MarkVariable = "LYCEUM_MODEL_SERVER";

    /// <summary>Between two polls for the server's end.</summary>
    public static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Arguments: the mark, the number of polls between SIGTERM and SIGKILL, then the command. Its output is the pid
    /// and then the server's; its exit code is the server's (128 + signal), 126 or 127 where the program cannot be started.
    /// It needs <c>sh</c>, <c>setsid</c>, <c>grep</c>, <c>sleep</c> and <c>/proc</c>, which every Debian has.
    /// </summary>
    public const string Script = """
        trap '' HUP INT TERM
        mark=$1 polls=$2
        shift 2
        exec 3<&0 </dev/null

        (
          trap - HUP INT TERM
          export LYCEUM_MODEL_SERVER="$mark"
          exec setsid sh -c 'echo "$$"; exec "$@"' sh "$@" 3<&-
        ) &
        child=$!
        exec >/dev/null 2>&1

        # The pids of the processes in the server's session or with its mark, zombies left out.
        running() {
          marked=" $(grep -lzF "LYCEUM_MODEL_SERVER=$mark" /proc/[0-9]*/environ | tr '\n' ' ')"
          for directory in /proc/[0-9]*; do
            read -r line <"$directory/stat" || continue
            set -- ${line##*) }
            case $1 in Z|X) continue;; esac
            if [ "$4" = "$child" ]; then echo "${directory#/proc/}"; continue; fi
            case "$marked" in *" $directory/environ "*) echo "${directory#/proc/}";; esac
          done
        }

        end() {
          pids=$(running)
          [ -n "$pids" ] || return 0
          kill -TERM $pids
          remaining=$polls
          # Its process group is checked first: that is cheap, and mostly all there is.
          while [ "$remaining" -gt 0 ] && { kill -0 -- "-$child" || [ -n "$(running)" ]; }; do
            sleep 0.2
            remaining=$((remaining - 1))
          done
          # Again, for what was started meanwhile; what survives SIGKILL hangs in the driver.
          for again in 1 2 3 4 5; do
            pids=$(running)
            [ -n "$pids" ] || return 0
            kill -KILL $pids
            sleep 0.2
          done
        }

        # More than once: the server may not have its session yet.
        (
          while read -r _; do :; done <&3
          for attempt in 1 2 3 4 5; do end; kill -0 "$child" || break; sleep 0.2; done
        ) &
        watcher=$!
        exec 3<&-
        wait "$child"
        code=$?
        end # its workers
        kill -KILL "$watcher"
        exit "$code"
        """;
}
