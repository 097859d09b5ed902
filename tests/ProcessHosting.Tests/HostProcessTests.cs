using System.Diagnostics;
using System.Text;

namespace Lyceum.Tests.ProcessHosting;

/// <summary>An AppHost as a process of its own, ended in every way that a process can be ended.</summary>
public class HostProcessTests
{
    [Fact]
    public async Task Host_KilledWithoutWarning_LeavesNoProcess()
    {
        using var host = new HostProcess();
        await host.WaitForOutputAsync("[family] family started");
        host.Children().Count.ShouldBeGreaterThanOrEqualTo(4); // service, shell, its child, its daemon

        host.Process.Kill();

        await Machine.WaitUntilAsync(() => host.Children().Count == 0, TimeSpan.FromSeconds(15));
        await Machine.WaitUntilAsync(() => Machine.Find(host.Tag).Count == 0, TimeSpan.FromSeconds(5)); // nor its watchdog
    }

    [Fact]
    public async Task Host_KilledWithAChildThatIgnoresTerm_LeavesNoProcess()
    {
        using var host = new HostProcess("--ProcessHosting:StopTimeout=00:00:01");
        await host.WaitForOutputAsync("[family] family started");
        var stopped = host.Children()[0];
        Signal("STOP", stopped); // cannot handle any signal but KILL

        host.Process.Kill();

        await Machine.WaitUntilAsync(() => host.Children().Count == 0, TimeSpan.FromSeconds(15));
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task Host_AskedToEnd_EndsInOrder(string signal)
    {
        using var host = new HostProcess();
        await host.WaitForOutputAsync("[family] family started");

        Signal(signal, host.Process.Id);

        await host.Process.WaitForExitAsync(new CancellationTokenSource(TestApplication.Limit).Token);
        host.Process.ExitCode.ShouldBe(0, host.Output);
        host.Children().ShouldBeEmpty();
        host.Output.ShouldContain("[service] the service says hello");
        await Machine.WaitUntilAsync(() => Machine.Find(host.Tag).Count == 0, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Host_AskedToEndWhileItStarts_EndsInOrder()
    {
        using var host = new HostProcess("--Never=1");
        await host.WaitForOutputAsync("[never] Waiting for resource 'service'");
        await host.WaitForOutputAsync("[service] the service says hello");

        Signal("TERM", host.Process.Id);

        await host.Process.WaitForExitAsync(new CancellationTokenSource(TestApplication.Limit).Token);
        host.Process.ExitCode.ShouldBe(0, host.Output);
        host.Children().ShouldBeEmpty();
    }

    private static void Signal(string signal, int pid)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{pid}"]);
        kill.WaitForExit();
        kill.ExitCode.ShouldBe(0);
    }

    private sealed class HostProcess : IDisposable
    {
        private readonly StringBuilder _output = new();

        public HostProcess(params string[] arguments)
        {
            var program = Path.Combine(
                Projects.SampleAppHost.ProjectPath, "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name,
                new DirectoryInfo(AppContext.BaseDirectory).Name, "SampleAppHost.dll");
            var start = new ProcessStartInfo("dotnet")
            {
                ArgumentList = { program, "--DcpPublisher:RandomizePorts=true" },
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            Array.ForEach(arguments, start.ArgumentList.Add);
            // Everything that comes of it inherits this, so that the test finds it wherever it went.
            start.Environment["TEST_TAG"] = Tag;
            Process = Process.Start(start)!;
            Process.OutputDataReceived += (_, e) => Append(e.Data);
            Process.ErrorDataReceived += (_, e) => Append(e.Data);
            Process.BeginOutputReadLine();
            Process.BeginErrorReadLine();
        }

        public string Tag { get; } = $"tag-{Guid.NewGuid():N}";
        public Process Process { get; }

        public string Output
        {
            get
            {
                lock (_output)
                    return _output.ToString();
            }
        }

        /// <summary>What it started, without its watchdog.</summary>
        public List<int> Children() => [.. Machine.Find(Tag).Where(pid => pid != Process.Id && HasMarker(pid))];

        public async Task WaitForOutputAsync(string text)
        {
            try
            {
                await Machine.WaitUntilAsync(() => Output.Contains(text, StringComparison.Ordinal), TestApplication.Limit);
            }
            catch (OperationCanceledException)
            {
                Output.ShouldContain(text);
            }
        }

        public void Dispose()
        {
            foreach (var pid in Machine.Find(Tag))
            {
                using var kill = Process.Start("kill", ["-KILL", $"{pid}"]);
                kill.WaitForExit();
            }

            Process.Dispose();
        }

        private void Append(string? line)
        {
            lock (_output)
                _output.AppendLine(line);
        }

        private static bool HasMarker(int pid)
        {
            try
            {
                return File.ReadAllText($"/proc/{pid}/environ").Contains("PROCESS_HOSTING_CHILD=", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false;
            }
        }
    }
}
