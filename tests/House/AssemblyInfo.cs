using System.Runtime.Versioning;

// The house runs on Linux: the tests look at /proc, signals and file modes.
[assembly: SupportedOSPlatform("linux")]

// Each house is seven processes, and tests measure times: one at a time.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
