using System.Runtime.Versioning;

// The tests use /proc, signals and file modes.
[assembly: SupportedOSPlatform("linux")]
