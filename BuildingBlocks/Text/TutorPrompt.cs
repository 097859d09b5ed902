namespace Lyceum.Text;

/// <summary>The prompt that makes a model a tutor, in chat and in live sessions alike.</summary>
public static class TutorPrompt
{
    /// <param name="subject">Empty: nothing in particular.</param>
    /// <param name="instructions">As written by the tutor's author; empty: none.</param>
    public static string Of(string name, string subject, string instructions)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(instructions);
        var who = subject.Length == 0 ? $"Your name is {name}." : $"Your name is {name}. You teach {subject}.";
        return instructions.Length == 0 ? who : $"{who}\n\n{instructions}";
    }
}
