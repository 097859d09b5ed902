using Lyceum.Client;

namespace Lyceum.Tests.IntegrationTests.Clients;

/// <summary>The program of docs/examples.md in C#; <see cref="ExampleTests"/> compares the two and runs it.</summary>
internal static class CSharpExample
{
#pragma warning disable VSTHRD103, CA1849, MA0042 // The system's console has no asynchronous methods.
    /// <param name="Console">In the program it is the system's.</param>
    public static async Task RunAsync(Uri gateway, string username, string password, string question, TextWriter Console)
    {
        // begin
        using var client = new LyceumClient(gateway, LyceumCredentials.Password(username, password));
        await foreach (var item in client.AskAsync(question))
        {
            switch (item)
            {
                case AnswerText piece:
                    Console.Write(piece.Text);
                    break;
                case AnswerEnded { End.Status: not "complete" } ended:
                    Console.WriteLine($"\n[{ended.End.Status}: {ended.End.FinishReason}]");
                    break;
                case AnswerFailed failed:
                    Console.WriteLine($"[{failed.Problem.Code}: {failed.Problem.Detail}]");
                    break;
            }
        }
        // end
    }
}
