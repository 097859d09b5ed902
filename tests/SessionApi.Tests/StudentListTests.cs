using System.Diagnostics;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.People;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Lists as spreadsheets of all countries write them.</summary>
public sealed class StudentListTests
{
    public static TheoryData<string, string> Lists => new()
    {
        { "Ada", "Ada" },
        { "name\nAda\nBob", "Ada|Bob" },
        { "姓名,username\r\n王小明,xm1", "王小明=xm1" },
        { "Ada,ada-1\rBob,bob-1\r", "Ada=ada-1|Bob=bob-1" },
        { " Ada ; ADA-1 \n", "Ada=ada-1" },
        { "Ada\tada-1\n\n\n", "Ada=ada-1" },
        { "\"Lovelace, Ada\",ada-1\n\"He said \"\"hi\"\"\"\n", "Lovelace, Ada=ada-1|He said \"hi\"" },
        { "Ada,\n,\n", "Ada" },
        { "Ada\nAda", "Ada|Ada" },
        { "Name of the rose", "Name of the rose" },
    };

    [Theory]
    [MemberData(nameof(Lists))]
    public void List_IsReadAsItIsMeant(string csv, string expected) =>
        string.Join('|', StudentList.Parse(csv).Select(line => line.Username is null ? line.Name : $"{line.Name}={line.Username}")).ShouldBe(expected);

    [Fact]
    public void Errors_NameTheLineOfTheFile()
    {
        var thrown = Should.Throw<ProblemException>(() => StudentList.Parse("name\r\n\r\nAda,x\r\n\"Bob\"\"\",a!\r\n\r\nEve,b!"));

        thrown.Message.ShouldContain("line 3:");
        thrown.Message.ShouldContain("line 4:");
        thrown.Message.ShouldContain("line 6:");
    }

    [Theory]
    [InlineData("\"")]
    [InlineData("\"\n")]
    [InlineData("a\"")]
    [InlineData(",")]
    [InlineData("\r")]
    public void HostileList_OfAnySize_IsReadInOnePass(string piece)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            StudentList.Parse(string.Concat(Enumerable.Repeat(piece, 256 * 1024)));
        }
        catch (ProblemException)
        {
            // As it should be.
        }
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30)); // a few ms; read anew from each quote it is minutes
    }
}
