using System.Runtime.Versioning;

// The system runs on Linux: the tests look at /proc, signals and file modes.
[assembly: SupportedOSPlatform("linux")]
