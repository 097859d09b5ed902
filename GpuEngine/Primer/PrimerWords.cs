using Lyceum.Text;

namespace Lyceum.GpuEngine.Primer;

/// <summary>Primer's own sentences, in one language. All else in an answer is quoted.</summary>
internal abstract class PrimerWords
{
    private static readonly PrimerWords English = new EnglishWords();
    private static readonly PrimerWords Chinese = new ChineseWords();

    public static PrimerWords In(Language language) => language is Language.Chinese ? Chinese : English;

    public abstract string Opening { get; }
    public abstract string Sources { get; }
    public abstract string HowToConnect { get; }
    public abstract string NoMore { get; }
    public abstract string Thanks { get; }
    public abstract string Identity { get; }
    public abstract string More(string question);
    public abstract string Greeting(IReadOnlyList<string> titles);
    public abstract string NothingFound(IReadOnlyList<string> titles);
    public abstract string Cite(Passage passage);

    private static string List(IEnumerable<string> titles) => string.Concat(titles.Select(title => $"- {title}\n"));

    private sealed class EnglishWords : PrimerWords
    {
        private const string Connect =
            "To connect a language model, start Lyceum with the address of any OpenAI-compatible server, " +
            "for example `Llm__Endpoint=http://127.0.0.1:11434/v1 ./run.sh`.";

        public override string Opening =>
            "No language model is connected, so I do not reason or write; I am Primer, and I quote. This is what I found:";

        public override string Sources => "Sources:";

        public override string HowToConnect => Connect;

        public override string NoMore =>
            "That was all I have on this subject. Ask about something else, or connect a language model.\n\n" + Connect;

        public override string Thanks => "You are welcome. Close this window for a moment and say aloud what you remember: that is how it stays.";

        public override string Identity =>
            "I am Primer, Lyceum's built-in tutor. I am not a language model: no language model is connected. I search the " +
            "passages given to me and a small library about learning and about Lyceum, and I quote what fits, with its " +
            "source.\n\n" + Connect;

        public override string More(string question) => $"More on “{Short(question)}”, quoted as before:";

        public override string Greeting(IReadOnlyList<string> titles) =>
            "Hello! I am Primer, Lyceum's built-in tutor. No language model is connected, so I answer by quoting my small " +
            $"library, with sources. Ask me about one of these:\n\n{List(titles)}\n{Connect}";

        public override string NothingFound(IReadOnlyList<string> titles) =>
            "I found nothing on that. No language model is connected, so I can only quote the passages I am given and my own " +
            $"library, which is about:\n\n{List(titles)}\n{Connect}";

        public override string Cite(Passage passage) =>
            passage.Title + (passage.Section is null ? "" : $", section “{passage.Section}”") + Place(passage, " (", ")");
    }

    private sealed class ChineseWords : PrimerWords
    {
        private const string Connect =
            "要接入语言模型，请在启动 Lyceum 时给出任何一个兼容 OpenAI 接口的服务器地址，" +
            "例如 `Llm__Endpoint=http://127.0.0.1:11434/v1 ./run.sh`。";

        public override string Opening => "目前没有接入语言模型，所以我不会推理，也不会写作；我是 Primer，只引用原文。我找到的内容如下：";

        public override string Sources => "来源：";

        public override string HowToConnect => Connect;

        public override string NoMore => "关于这个主题，我知道的就是这些。可以问别的问题，或者接入一个语言模型。\n\n" + Connect;

        public override string Thanks => "不客气。现在先把窗口放到一边，试着说出你还记得的内容：这样才记得牢。";

        public override string Identity =>
            "我是 Primer，Lyceum 内置的导师。我不是语言模型：目前没有接入语言模型。我在提供给我的资料和一个关于学习方法与 Lyceum " +
            "本身的小文库里查找，引用合适的段落，并注明出处。\n\n" + Connect;

        public override string More(string question) => $"关于“{Short(question)}”，还有这些原文：";

        public override string Greeting(IReadOnlyList<string> titles) =>
            "你好！我是 Primer，Lyceum 内置的导师。目前没有接入语言模型，所以我只引用自己的小文库来回答，并注明出处。可以问我这些内容：\n\n" +
            $"{List(titles)}\n{Connect}";

        public override string NothingFound(IReadOnlyList<string> titles) =>
            "关于这个问题，我没有找到任何内容。目前没有接入语言模型，我只能引用提供给我的资料和自己的文库，文库的内容是：\n\n" +
            $"{List(titles)}\n{Connect}";

        public override string Cite(Passage passage) =>
            $"《{passage.Title}》" + (passage.Section is null ? "" : $"，“{passage.Section}”一节") + Place(passage, "（", "）");
    }

    private static string Place(Passage passage, string open, string close) =>
        passage.Source is null || passage.Source == passage.Title ? "" : open + passage.Source + close;

    private static string Short(string question) =>
        question.Length <= 80 ? question : Utf16.Truncate(question, 80) + "…";
}
