using Lyceum.Tests.IntegrationTests;
using Lyceum.Tests.IntegrationTests.Browser;

[assembly: AssemblyFixture(typeof(SharedSystem))]
[assembly: AssemblyFixture(typeof(Chromium))]
[assembly: HealthySystem]

// A system is a dozen processes, and tests measure times: one test at a time.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
