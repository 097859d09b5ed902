using System.Runtime.Versioning;

// The tests use file modes and a shell.
[assembly: SupportedOSPlatform("linux")]
