namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// The small shell process between the engine and the model server. It starts the server in a session of its own and reads a
/// pipe whose other end only the engine has: when that ends, because the engine wants it or because the engine is gone
/// (<c>kill -9</c> included), it ends the server. So there is one way to end it, and it is always the same one.
/// PDEATHSIG would not do: it reaches neither the server's workers nor outlives the thread that started it.
/// </summary>
internal static class Keeper
{
    /// <summary>Of everything the server starts; finds what left its session, as daemons do.</summary>
    public const string MarkVariable = "LYCEUM_MODEL_SERVER";

    /// <summary>Between two looks whether the server has gone.</summary>
    public static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Arguments: the mark, how many looks there are between SIGTERM and SIGKILL, then the command. Its output is the pid
    /// and then the server's; its exit code is the server's (128 + signal), 126 or 127 where the program cannot be started.
    /// It needs <c>sh</c>, <c>setsid</c>, <c>grep</c>, <c>sleep</c> and <c>/proc</c>, which every Debian has.
    /// </summary>
    public const string Script = """
        trap '' HUP INT TERM
        mark=$1 looks=$2
        shift 2
        exec 3<&0 </dev/null

        (
          trap - HUP INT TERM
          export LYCEUM_MODEL_SERVER="$mark"
          exec setsid sh -c 'echo "$$"; exec "$@"' sh "$@" 3<&-
        ) &
        child=$!
        exec >/dev/null 2>&1

        # The pids of what is of the server's session or has its mark; zombies are gone.
        left() {
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
          pids=$(left)
          [ -n "$pids" ] || return 0
          kill -TERM $pids
          look=$looks
          # Its process group is looked at first: that is cheap, and mostly all there is.
          while [ "$look" -gt 0 ] && { kill -0 -- "-$child" || [ -n "$(left)" ]; }; do sleep 0.2; look=$((look - 1)); done
          # A second look finds what was started meanwhile; what survives SIGKILL is in the driver's hands.
          for look in 1 2 3 4 5; do
            pids=$(left)
            [ -n "$pids" ] || return 0
            kill -KILL $pids
            sleep 0.2
          done
        }

        # More than once: the server may not have got its session yet.
        (
          while read -r _; do :; done <&3
          for again in 1 2 3 4 5; do end; kill -0 "$child" || break; sleep 0.2; done
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
