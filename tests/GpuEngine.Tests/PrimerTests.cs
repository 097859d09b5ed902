using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Primer;
using Lyceum.GpuEngine.Sessions.Turns;
using Lyceum.Text;

namespace Lyceum.Tests.GpuEngine;

public sealed class PrimerTests
{
    private static readonly GivenPassage Photosynthesis = new(
        "7", "Biology, chapter 3", "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.", "biology.md");

    [Fact]
    public void Answer_ToTheSameConversation_IsTheSame() =>
        Ask("How do I stop procrastinating?").ShouldBe(Ask("How do I stop procrastinating?"));

    [Fact]
    public void Answer_OnASubject_QuotesCitesAndSaysWhatPrimerIs()
    {
        var answer = Ask("What is interleaving?");

        answer.ShouldContain("No language model is connected");
        answer.ShouldContain("> Interleaving means mixing different kinds of problems");
        answer.ShouldContain("[1] Interleaving: mixing what is alike, section “What it is” (Lyceum library)");
        answer.ShouldContain("Llm__Endpoint");
        Citations(answer).ShouldBe(Sources(answer));
    }

    [Fact]
    public void Answer_ToChinese_IsChinese()
    {
        var answer = Ask("什么是间隔重复？");

        answer.ShouldContain("没有接入语言模型");
        answer.ShouldContain("> 间隔重复，就是把同样多的学习时间分到几天里");
        answer.ShouldContain("[1] 《间隔重复：把复习隔开》，“什么是间隔重复”一节（Lyceum 文库）");
        Citations(answer).ShouldBe(Sources(answer));
    }

    [Theory]
    [InlineData("什么是 spaced repetition？", "没有接入语言模型")]
    [InlineData("What does the word 学习 mean for memory?", "No language model")]
    [InlineData("¿Qué es la memoria?", "No language model")]
    public void Answer_ToMixedScripts_IsInTheQuestionsLanguage(string question, string expected) =>
        Ask(question).ShouldContain(expected);

    [Fact]
    public void Answer_WithPassagesGiven_QuotesThemBeforeTheLibrary()
    {
        var answer = PrimerAnswer.To([User("Does photosynthesis need sleep and memory?")], [Photosynthesis]);

        answer.ShouldContain("> Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. [1]");
        answer.ShouldContain("[1] Biology, chapter 3 (biology.md)");
        answer.ShouldNotContain("Lyceum library");
    }

    [Fact]
    public void Answer_WithPassagesGiven_CitesThemByTheirNumbers()
    {
        GivenPassage tides = new("8", "Tides", "The moon causes the tides.", "tides.md");

        var answer = PrimerAnswer.To([User("Does photosynthesis need sleep?")], [tides, Photosynthesis]);

        answer.ShouldContain("into sugar and oxygen. [2]");
        answer.ShouldContain("[2] Biology, chapter 3 (biology.md)");
        CitedNumbers.In(answer, 2).ShouldBe([2]);
    }

    [Fact]
    public void Answer_WithUnrelatedPassages_QuotesTheLibraryUnderOtherNumbers()
    {
        var answer = PrimerAnswer.To([User("What is interleaving?")], [Photosynthesis]);
        answer.ShouldContain("[2] Interleaving: mixing what is alike");
        CitedNumbers.In(answer, 1).ShouldBeEmpty();
    }

    [Fact]
    public void Answer_FromALongPassage_QuotesTheSentencesThatMatter()
    {
        var filler = string.Concat(Enumerable.Range(0, 200).Select(i => $"Sentence number {i} speaks of weather. "));
        var passage = new GivenPassage(null, "Almanac", filler + "The mitochondrion makes energy for the cell. " + filler, null);

        var answer = PrimerAnswer.To([User("What does the mitochondrion make?")], [passage]);

        answer.ShouldContain("The mitochondrion makes energy for the cell.");
        answer.Length.ShouldBeLessThan(2_000);
    }

    [Theory]
    [InlineData("What is the capital of France?")]
    [InlineData("Explain photosynthesis")]
    [InlineData("Who won the football world cup in 1998?")]
    [InlineData("Bake me a cake")]
    [InlineData("What's the weather like today?")]
    [InlineData("!!!???")]
    [InlineData("How do I fix my car's engine?")]
    [InlineData("Write a poem about the sea")]
    [InlineData("What is the square root of two?")]
    [InlineData("法国的首都是哪里？")]
    [InlineData("怎样做红烧肉？")]
    [InlineData("今天天气怎么样")]
    [InlineData("写一首关于大海的诗")]
    [InlineData("光合作用是什么？")]
    public void Answer_ToAnUnknownSubject_SaysSo(string question)
    {
        var answer = Ask(question);

        (answer.Contains("I found nothing") || answer.Contains("没有找到任何内容")).ShouldBeTrue(answer);
        answer.ShouldNotContain("[1]");
    }

    [Theory]
    [InlineData("How can I memorize vocabulary?", "Spacing")]
    [InlineData("how often should I review my flashcards", "Spacing")]
    [InlineData("Is rereading a good way to study?", "Retrieval practice")]
    [InlineData("I keep procrastinating, how do I start?", "Motivation")]
    [InlineData("What is the Feynman technique?", "Elaboration")]
    [InlineData("How much sleep do I need before an exam?", "Sleep")]
    [InlineData("I can't concentrate, my phone distracts me", "Sleep")]
    [InlineData("How should I take notes from a textbook?", "Reading")]
    [InlineData("What is cognitive load?", "Worked examples")]
    [InlineData("How do I learn a new language on my own?", "Planning")]
    [InlineData("What is deliberate practice?", "Planning")]
    [InlineData("How do I connect Ollama to Lyceum?", "Lyceum's manual: running it")]
    [InlineData("Where is the data folder?", "Lyceum's manual: running it")]
    [InlineData("how to stop lyceum", "Lyceum's manual: running it")]
    [InlineData("How can I resume a stream after my connection broke?", "Lyceum's manual: chat")]
    [InlineData("Can I use the OpenAI SDK?", "Lyceum's manual: chat")]
    [InlineData("怎么背单词记得牢？", "间隔重复")]
    [InlineData("我总是拖延怎么办？", "动机")]
    [InlineData("可以熬夜吗", "睡眠")]
    [InlineData("总是走神，怎样集中注意力？", "睡眠")]
    [InlineData("怎么做笔记？", "读懂")]
    [InlineData("做错的题应该怎么办", "错误")]
    [InlineData("怎样接入语言模型", "Lyceum 手册：运行")]
    [InlineData("连接断了怎么恢复回答？", "Lyceum 手册：聊天")]
    public void Answer_ToALibrarySubject_QuotesTheRightDocument(string question, string title)
    {
        var answer = Ask(question);

        answer.ShouldContain("[1] ", customMessage: answer);
        Sources(answer).Count.ShouldBeLessThanOrEqualTo(3);
        answer[answer.LastIndexOf("[1] ", StringComparison.Ordinal)..].ShouldContain(title);
    }

    [Fact]
    public void Answer_ToAnAuxiliaryVerb_KeepsTheSubject() =>
        Ask("How do I stop procrastinating?").ShouldNotContain("running it");

    [Theory]
    [InlineData("hello")]
    [InlineData("Hi there!")]
    [InlineData("good morning")]
    [InlineData("What can you do?")]
    [InlineData("")]
    public void Answer_ToAGreeting_Greets(string greeting)
    {
        var answer = Ask(greeting);

        answer.ShouldStartWith("Hello! I am Primer");
        answer.ShouldContain("- Spacing: letting time pass between reviews");
    }

    [Theory]
    [InlineData("你好！", "你好！我是 Primer")]
    [InlineData("你是谁？", "我不是语言模型")]
    [InlineData("你是ChatGPT吗，还是AI模型？你是一个语言模型吗", "我不是语言模型")]
    [InlineData("Are you ChatGPT?", "I am not a language model")]
    [InlineData("who are you", "I am not a language model")]
    [InlineData("谢谢你！", "不客气")]
    [InlineData("Thanks a lot!", "You are welcome")]
    public void Answer_ToSmallTalk_SaysWhatPrimerIs(string message, string expected) => Ask(message).ShouldContain(expected);

    [Theory]
    [InlineData("How do I stop procrastinating?", "Tell me more", "go on")]
    [InlineData("我总是拖延怎么办？", "继续", "还有吗？")]
    public void Answer_ToMore_ContinuesThePreviousQuestion(string question, string more, string again)
    {
        var first = Ask(question);
        var second = PrimerAnswer.To([User(question), Assistant(first), User(more)], []);
        var third = PrimerAnswer.To([User(question), Assistant(first), User(more), Assistant(second), User(again)], []);

        second.ShouldContain(question);
        Quotes(second).ShouldNotBeEmpty();
        Quotes(second).Intersect(Quotes(first)).ShouldBeEmpty();
        Quotes(third).Intersect(Quotes(first).Concat(Quotes(second))).ShouldBeEmpty();
    }

    [Fact]
    public void Answer_ToAQuestionAboutIt_UsesTheQuestionBefore()
    {
        var answer = PrimerAnswer.To(
            [User("What is interleaving?"), Assistant("…"), User("Why does it work?")], []);

        answer.ShouldContain("Interleaving: mixing what is alike");
    }

    [Fact]
    public void Answer_ToMoreAsTheFirstMessage_DoesNotFail() => Ask("Tell me more").ShouldContain("nothing");

    [Theory]
    [InlineData("It's  a test, 3.5 % of naïve users!\n\nNew line")]
    [InlineData("学习English混合👩‍🚀emoji，完。")]
    [InlineData("   ")]
    [InlineData("")]
    [InlineData("trailing space ")]
    public void Tokens_Concatenated_EqualTheText(string text) => string.Concat(PrimerTokens.Split(text)).ShouldBe(text);

    [Fact]
    public void Tokens_OfAnyScript_AreCountedAsDocumented() =>
        PrimerTokens.Split("Don't stop: 学习!").ShouldBe(["Don't", " stop", ":", " 学", "习", "!"]);

    [Theory]
    [InlineData("spacing", "spaced")]
    [InlineData("studies", "study")]
    [InlineData("stopped", "stopping")]
    [InlineData("mistakes", "mistake")]
    [InlineData("quizzes", "quizzing")]
    public void Terms_OfOneWordsForms_AreEqual(string one, string other) => Terms.Of(one).ShouldBe(Terms.Of(other));

    [Fact]
    public void Library_InBothLanguages_HasTheSameDocuments()
    {
        Library.Titles(Language.English).Count.ShouldBe(12);
        Library.Titles(Language.Chinese).Count.ShouldBe(12);
    }

    private static string Ask(string question) => PrimerAnswer.To([User(question)], []);

    private static ChatMessage User(string text) => new("user", text);

    private static ChatMessage Assistant(string text) => new("assistant", text);

    private static List<string> Quotes(string answer) =>
        [.. answer.Split('\n').Where(line => line.StartsWith("> ", StringComparison.Ordinal)).Select(line => line[..^4])];

    private static List<string> Citations(string answer) => [.. Quotes(answer).Select((_, i) => $"[{i + 1}]")];

    private static List<string> Sources(string answer) =>
        [.. answer.Split('\n').Where(line => line.StartsWith('[')).Select(line => line[..3])];
}
