using Lyceum.Text;

namespace Lyceum.RoadmapWorker.Planning;

/// <summary>
/// For a subject that the catalogue does not have: a plan of how to find out what there is to learn, learn its base, use it, and keep it.
/// It names no facts about the subject, as it knows none.
/// </summary>
internal static class GenericPlan
{
    private const int LongestTitle = 60;

    private static readonly (string Id, string[] Title, (string Id, double Hours, string[] Needs, string[] Title, string[] Summary)[] Concepts)[] Modules =
    [
        ("orientation", ["Find your way", "摸清方向"],
        [
            ("goal", 1, [], ["What you want to be able to do", "明确学完能做什么"],
                ["Write down three things that you want to be able to do in the end, so that somebody else could check them.", "写下学完后能做到的三件事,并且别人可以据此检验。"]),
            ("map", 3, ["goal"], ["A map of the subject", "画出主题地图"],
                ["Compare the tables of contents of three introductions, and list what all of them teach, in their order.", "对比三本入门教材的目录,按顺序列出它们都讲的内容。"]),
            ("materials", 2, ["map"], ["One main resource", "选定一份主要教材"],
                ["Choose one introduction with exercises as your main thread, and one for a second opinion.", "选一份带练习的入门教材作为主线,另选一份作为参照。"]),
        ]),
        ("foundations", ["The base", "打好基础"],
        [
            ("vocabulary", 4, ["materials"], ["The words of the subject", "掌握基本术语"],
                ["Collect the twenty terms that come up most, and explain each in one sentence of your own.", "收集最常出现的二十个术语,并各用一句自己的话解释。"]),
            ("core", 10, ["vocabulary"], ["The core ideas", "学习核心概念"],
                ["Work through the first half of the main resource, doing every exercise before reading its solution.", "学完主要教材的前半部分,每道练习先做再看答案。"]),
            ("check", 2, ["core"], ["A first check", "第一次自测"],
                ["Without the book: write down what you know, solve old exercises, and list the gaps.", "合上教材:写下已掌握的内容,重做旧练习,列出漏洞。"]),
        ]),
        ("use", ["Use it", "实际运用"],
        [
            ("small-project", 6, ["check"], ["A small project", "完成一个小项目"],
                ["Make something small that one of your three goals asks for, from beginning to end.", "围绕三个目标之一,从头到尾完成一件小作品。"]),
            ("deepening", 8, ["small-project"], ["What was missing", "补齐缺失"],
                ["Work through the second half of the main resource, beginning with what the project lacked.", "学完教材后半部分,从项目中暴露的不足开始。"]),
            ("project", 10, ["deepening"], ["A project that matters to you", "完成一个有意义的项目"],
                ["Make what you came for, show it to somebody who knows the subject, and act on what they say.", "做出你最初想做的东西,请懂行的人评价,并据此改进。"]),
        ]),
        ("keep", ["Keep it", "保持所学"],
        [
            ("review", 3, ["core"], ["Spaced review", "间隔复习"],
                ["Test yourself on the core ideas after a day, a week and a month, and repeat what you have lost.", "在一天、一周、一个月后自测核心概念,重学遗忘的部分。"]),
        ]),
    ];

    public static string Title(RoadmapOrder order) => order.IsChinese ? $"学习计划:{Short(order.Query)}" : $"A plan for: {Short(order.Query)}";

    public static string Goal(RoadmapOrder order) => order.IsChinese
        ? "先弄清要学什么,再打基础、动手运用并长期保持。"
        : "Find out what there is to learn, learn its base, use it, and keep it.";

    public static Design Design(RoadmapOrder order)
    {
        var words = Words.For(order);
        return new(Makers.Catalogue, [.. Modules.Select(module => new DesignModule(module.Id, words.Of(module.Title), [.. module.Concepts.Select(
            concept => new DesignConcept(concept.Id, words.Of(concept.Title), words.Of(concept.Summary), concept.Hours, concept.Needs))]))], []);
    }

    /// <summary>Exercises that fit any concept, also one of a model's.</summary>
    public static ConceptContent Write(RoadmapOrder order, DesignConcept concept)
    {
        var words = Words.For(order);
        var quiz = order.IsChinese
            ? new QuizQuestion("怎样最能检验自己是否真正掌握?", ["合上资料,自己讲出来或做出来", "把资料再读一遍", "把重点划出来"], 0, "主动回忆能暴露没掌握的地方,重读不能。")
            : new QuizQuestion("What shows best whether you have learned something?",
                ["Closing the book and explaining or doing it", "Reading it again", "Marking the important lines"], 0,
                "Recalling shows what is missing; reading again hides it.");
        return new(
            [.. order.Styles.Select(style => new Activity(style, style switch
            {
                LearningStyles.Visual => words.See(concept.Title),
                LearningStyles.HandsOn => words.Do(concept.Title),
                LearningStyles.Auditory => words.Explain(concept.Title),
                _ => words.ReadAbout(concept.Title),
            }))],
            [new(order.IsChinese ? $"关于“{concept.Title}”的入门资料" : $"An introduction to \"{concept.Title}\"", "article", null,
                $"{Short(order.Query)} {concept.Title}")],
            [quiz], FromCatalogue: true);
    }

    private static string Short(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= LongestTitle ? line : Utf16.Truncate(line, LongestTitle) + "…";
    }
}
