using System.Text;
using System.Text.RegularExpressions;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Primer;

internal enum QuestionKind
{
    Subject,
    Greeting,
    Identity,
    Thanks,
}

/// <summary>What the conversation asks for.</summary>
/// <param name="Text">The question itself; of a follow-up, the question that it follows.</param>
/// <param name="Terms">What it is about.</param>
/// <param name="Page">How often "more" was asked for since.</param>
internal sealed partial record Question(
    QuestionKind Kind, Language Language, string Text, IReadOnlyList<string> Terms, int Page)
{
    public static Question Read(IReadOnlyList<ChatMessage> messages)
    {
        var asked = messages.Where(message => message.Role is "user").Select(message => message.Text.Trim()).ToList();
        var last = asked.Count > 0 ? asked[^1] : "";
        var language = LanguageOf(last);
        var page = 0;
        while (asked.Count > 1 && FollowUp().IsMatch(asked[^1]))
        {
            asked.RemoveAt(asked.Count - 1);
            page++;
        }
        var text = asked.Count > 0 ? asked[^1] : "";
        if (page > 0)
        {
            // "more" is typed in any language: the subject's language counts.
            language = LanguageOf(text);
        }
        var terms = Lyceum.Text.Terms.OfQuestion(text);
        if (page == 0 && asked.Count > 1 && terms.Count <= 4 && Pronoun().IsMatch(text))
        {
            // "How long does it take?" is about what was asked before.
            terms = [.. terms.Union(Lyceum.Text.Terms.OfQuestion(asked[^2]))];
        }
        return new Question(KindOf(text), language, text, terms, page);
    }

    /// <summary>Chinese where Han characters are at least as many as words of other scripts.</summary>
    public static Language LanguageOf(string text)
    {
        var han = text.EnumerateRunes().Count(Lyceum.Text.Terms.IsIdeograph);
        var words = PrimerTokens.Split(text).Count(token => Rune.IsLetter(token.TrimStart().EnumerateRunes().FirstOrDefault())) - han;
        return han > 0 && han >= words ? Language.Chinese : Language.English;
    }

    private static QuestionKind KindOf(string text) =>
        text.Length == 0 || Greeting().IsMatch(text) ? QuestionKind.Greeting
        : Identity().IsMatch(text) ? QuestionKind.Identity
        : Thanks().IsMatch(text) ? QuestionKind.Thanks
        : QuestionKind.Subject;

    [GeneratedRegex(
        @"^\W*((hi|hello|hey|howdy|greetings|good (morning|afternoon|evening)|help|what can you do)( there| primer| lyceum| everyone)?|" +
        @"你好|您好|嗨|哈[喽啰]|早上好|下午好|晚上好|在吗|帮助|你(能|会|可以)做(什么|些什么))(啊|呀|呢)?\W*$",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Greeting();

    [GeneratedRegex(
        @"^\W*(who|what) are you\b|^\W*what('s| is) your name|^\W*are you (an? )?(ai|llm|chatgpt|gpt|bot|robot|(large )?language model|human|real)\b|" +
        @"你是(谁|什么|人|一?个?(AI|人工智能|机器人|(大?语言)?模型))|你叫什么",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Identity();

    [GeneratedRegex(@"^\W*(thanks|thank you|thx|cheers|谢谢|多谢|感谢)(\W*(a lot|so much|very much|你|您|啦|了))?\W*$", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Thanks();

    [GeneratedRegex(
        @"^\W*((please |can you |could you )?(tell me more|say more|more|go on|continue|keep going|elaborate|explain more|more details?|" +
        @"what else|anything else|next)( please| about (it|this|that))?|" +
        @"继续|接着说|再说说|还有吗|还有呢|更多|然后呢|再?详细(一点|一些|些|说说|讲讲)?|展开(说说|讲讲)|再?多说(一点|一些|点|些))\W*$",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex FollowUp();

    [GeneratedRegex(@"\b(it|that|this|they|them|those|these)\b|它|这个|那个|这样|那样", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Pronoun();
}
