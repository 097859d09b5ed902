using Lyceum.RoadmapWorker.Knowledge;

namespace Lyceum.RoadmapWorker.Planning;

/// <summary>What the planner itself says, in English or Chinese; other languages get English, and a note that says so.</summary>
internal sealed class Words
{
    private static readonly Words English = new(0);
    private static readonly Words Chinese = new(1);
    private readonly int _language;

    private Words(int language) => _language = language;

    public static Words For(RoadmapOrder order) => order.IsChinese ? Chinese : English;

    /// <summary>One of a pair of texts.</summary>
    public string Of(string[] pair) => pair[_language];

    private string Say(string english, string chinese) => _language == 0 ? english : chinese;

    public string NoModel => Say(
        "No language model is connected, so this roadmap was planned from the built-in catalogue.",
        "当前没有连接语言模型,这份路线图由内置目录规划生成。");

    public string ModelAway => Say(
        "The language model could not be reached, so this roadmap was planned from the built-in catalogue.",
        "语言模型暂时无法访问,这份路线图由内置目录规划生成。");

    public string ModelUnusable => Say(
        "What the language model wrote did not pass the checks, even after corrections, so the catalogue planner finished this roadmap.",
        "语言模型的输出多次更正后仍未通过检查,因此由目录规划器完成了这份路线图。");

    public string FromCatalogue => Say(
        "Its concepts, hours and links were written by hand for learners in general; adjust them to yourself.",
        "其中的知识点、学时和链接为通用的人工编写内容,请按自己的情况调整。");

    public string UnknownSubject => Say(
        "The catalogue does not know this subject: the plan says how to learn it, and leaves its content for you to find. Connect a model for more.",
        "内置目录没有这个主题:这份计划说明如何学习,具体内容需要你自己去确定。连接语言模型可以得到更具体的路线图。");

    public string OtherLanguage => Say(
        "The catalogue is written in English and Chinese only, so this roadmap is in English.",
        "内置目录只有英文和中文,因此这份路线图使用中文。");

    public string LeftOut(int count) => Say(
        $"{count} advanced concepts were left out to come closer to the deadline.",
        $"为了尽量赶上截止日期,省略了 {count} 个进阶知识点。");

    public string TooLong(int weeks, int available) => Say(
        $"The plan takes {weeks} weeks, but there are {available} until the deadline: give it more hours a week, or more time.",
        $"这份计划需要 {weeks} 周,而截止日期前只有 {available} 周:请增加每周学时或推迟截止日期。");

    public string Completed(int count) => Say(
        $"For {count} concepts the model's exercises were not usable; general ones stand in their place.",
        $"有 {count} 个知识点的模型练习不可用,已用通用练习代替。");

    /// <param name="status">A <see cref="GroundingStatus"/>; null without a knowledge base.</param>
    /// <param name="isCited">Whether a concept cites it.</param>
    public IEnumerable<string> Knowledge(RoadmapOrder order, string? status, bool isCited) => (order.TutorId, status) switch
    {
        ({ } tutor, null) => [Say($"Tutor {tutor} has no knowledge base, so this roadmap rests on none.", $"导师 {tutor} 没有知识库,因此这份路线图没有以知识库为依据。")],
        (_, GroundingStatus.NotUsed) => [Say(
            $"The knowledge base {order.KbId} was not used: it takes a language model to read it.", $"未使用知识库 {order.KbId}:阅读它需要语言模型。")],
        (_, GroundingStatus.NothingFound) => [Say(
            $"The knowledge base {order.KbId} has nothing on this subject: the model wrote from what it knows.", $"知识库 {order.KbId} 中没有相关内容:由模型凭自身知识编写。")],
        (_, GroundingStatus.Unavailable) => [Say(
            $"The knowledge base {order.KbId} could not be searched: the model wrote from what it knows.", $"知识库 {order.KbId} 无法检索:由模型凭自身知识编写。")],
        (_, GroundingStatus.Found) when !isCited => [Say(
            $"The model was given passages of the knowledge base {order.KbId}, but no concept cites one.", $"模型读到了知识库 {order.KbId} 的段落,但没有知识点引用它们。")],
        _ => [],
    };

    public string Draw(string picture) => Say($"Draw a picture of {picture}, then explain it from memory.", $"画一张图:{picture},然后不看资料把它讲清楚。");

    public string Explain(string title) => Say(
        $"Explain \"{title}\" aloud to somebody, or record yourself; note where you hesitate, and look that up.",
        $"把“{title}”大声讲给别人听,或录音回放;记下卡住的地方再去查。");

    public string Read(string resource) => Say(
        $"Read \"{resource}\" and write down its three main points in your own words.",
        $"阅读“{resource}”,用自己的话写下三个要点。");

    public string Do(string title) => Say(
        $"Make something small that needs \"{title}\", and note what went wrong on the way.",
        $"动手做一个用到“{title}”的小作品,并记录途中出过的错。");

    public string See(string title) => Say(
        $"Draw a map of \"{title}\": its parts, and arrows for what depends on what.",
        $"为“{title}”画一张图:它由哪些部分组成,用箭头标出依赖关系。");

    public string ReadAbout(string title) => Say(
        $"Read two different explanations of \"{title}\" and write down where they agree and where they differ.",
        $"阅读关于“{title}”的两种不同讲解,写下它们一致和不同的地方。");
}
