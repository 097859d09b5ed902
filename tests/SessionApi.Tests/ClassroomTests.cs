using System.Diagnostics;
using System.Net;
using Lyceum.SessionApi.Accounts;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>A school stands behind one address: limits per address are for attempts that fail.</summary>
public sealed class ClassroomTests(PostgresFixture postgres)
{
    private const string School = "203.0.113.50";

    [Fact]
    public Task TwoHundredStudents_BehindOneAddress_JoinAndSignInAtOnce_WhileAnotherGuesses() => JoinAsync(iterations: 1000);

    /// <summary>With hashes of full cost.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public Task TwoHundredStudents_BehindOneAddress_JoinAndSignInWithinAMinute() => JoinAsync(Passwords.Iterations);

    private async Task JoinAsync(int iterations)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var identity = new IdentityFolder("gateway", "session-api");
        await using var sessions = await TestSessions.StartAsync(identity, await postgres.CreateDatabaseAsync(), iterations: iterations);
        var started = Stopwatch.GetTimestamp();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var guessing = Enumerable.Range(0, 4).Select(async guesser =>
        {
            for (var i = 0; !over.IsCancellationRequested; i++)
                (await sessions.SignInAsync($"nobody-{guesser}-{i}", "a wrong guess", from: "198.51.100.66")).IsSuccessStatusCode.ShouldBeFalse();
        }).ToList();

        var students = Enumerable.Range(0, 200).Select(i => $"student-{i}").ToList();
        var joined = await Task.WhenAll(students.Select(username => sessions.PostAsync(
            "/api/auth/register", new { username, password = TestSessions.Password }, headers: ("X-Forwarded-For", School))));
        joined.ShouldAllBe(response => response.StatusCode == HttpStatusCode.Created);
        var signedIn = await Task.WhenAll(students.Select(username => sessions.SignInAsync(username, from: School)));
        signedIn.ShouldAllBe(response => response.StatusCode == HttpStatusCode.OK);

        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromMinutes(1));
        await over.CancelAsync();
        await Task.WhenAll(guessing);
    }
}
