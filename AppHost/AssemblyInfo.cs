using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("AppHost.Tests")]
