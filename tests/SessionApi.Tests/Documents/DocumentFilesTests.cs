using System.IO.Compression;
using System.Text;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Knowledge;
using Lyceum.Tests.Support.Documents;

namespace Lyceum.Tests.SessionApi.Tests.Documents;

/// <summary>What is read out of files, in this process.</summary>
public sealed class DocumentFilesTests
{
    private static readonly FileBounds Bounds = new(MaxPages: 20, MaxText: 100_000);

    [Fact]
    public void Pdf_ItsPagesAreThePassages_LinesAreJoined_RowsAreKept()
    {
        var read = DocumentFiles.Read(DocumentFiles.Pdf, Pdfs.Of(
            "Plants turn light into sugar. This hap-\npens in chloroplasts, which are\ngreen.",
            "Results\n\nanimal\tlegs\tweight\nspider\t8\t2 g\nheron\t2\t2 kg"), Bounds);

        read.Pages.ShouldBe(2);
        read.Note.ShouldBeNull();
        read.Passages.ShouldBe(
        [
            new("", "Plants turn light into sugar. This happens in chloroplasts, which are green.", 1),
            new("", "Results\nanimal | legs | weight\nspider | 8 | 2 g\nheron | 2 | 2 kg", 2),
        ]);
    }

    [Fact]
    public void Pdf_InChinese_IsReadWithoutSpacesBetweenLines()
    {
        var read = DocumentFiles.Read(DocumentFiles.Pdf, Pdfs.Chinese("光合作用把光能\n转化为化学能。", "细胞呼吸释放能量。"), Bounds);

        read.Passages.ShouldBe([new("", "光合作用把光能转化为化学能。", 1), new("", "细胞呼吸释放能量。", 2)]);
    }

    [Fact]
    public void Pdf_WhatStandsOnEveryPage_IsLeftOut()
    {
        var pages = Enumerable.Range(1, 6).Select(i => $"Biology, Grade 7\n\nLesson {(char)('A' + i)} is about {new string((char)('a' + i), 4)}.\n\n{i} / 6");

        DocumentFiles.Read(DocumentFiles.Pdf, Pdfs.Of([.. pages]), Bounds).Passages.Select(p => p.Text)
            .ShouldBe(Enumerable.Range(1, 6).Select(i => $"Lesson {(char)('A' + i)} is about {new string((char)('a' + i), 4)}."));
    }

    [Fact]
    public void Pdf_OfPagesWithALineEach_IsACardEach_UnlessAScannerWroteIt()
    {
        DocumentFiles.Read(DocumentFiles.Pdf, Pdfs.Of([.. Enumerable.Range(1, 6).Select(i => $"Card {i}")]), Bounds)
            .Passages.Count.ShouldBe(6);
        Should.Throw<ProblemException>(() => DocumentFiles.Read(
            DocumentFiles.Pdf, Pdfs.Of([.. Enumerable.Repeat("Scanned by Scanner", 6)]), Bounds))
            .Code.ShouldBe(ErrorCodes.DocumentWithoutText);
    }

    [Fact]
    public void Docx_ItsHeadingsAreSections_TablesKeepTheirRows_WhateverTheLanguage()
    {
        var read = DocumentFiles.Read(DocumentFiles.Word, Offices.Docx(
            ["前言。", "# 生物学", "## 植物", "光合作用把光能转化为化学能。", "动物|腿", "蜘蛛|8", "# 历史", "1815年。"], names: "标题 {0}"), Bounds);

        read.Pages.ShouldBeNull();
        read.Passages.ShouldBe(
        [
            new("", "前言。"), new("生物学 › 植物", "光合作用把光能转化为化学能。\n动物 | 腿\n蜘蛛 | 8"), new("历史", "1815年。"),
        ]);
    }

    [Fact]
    public void Pptx_ItsSlidesArePassages_UnderTheirTitles()
    {
        var read = DocumentFiles.Read(DocumentFiles.Slides, Offices.Pptx(
            ("Photosynthesis", ["Light becomes sugar.", "In chloroplasts."]), ("细胞", ["细胞是生命的单位。", "动物|腿", "蜘蛛|8"]),
            ("Questions?", [])), Bounds);

        read.Pages.ShouldBe(3);
        read.Passages.ShouldBe(
        [
            new("Photosynthesis", "Light becomes sugar.\nIn chloroplasts.", 1),
            new("细胞", "细胞是生命的单位。\n动物 | 腿\n蜘蛛 | 8", 2),
            new("Questions?", "Questions?", 3),
        ]);
    }

    public static TheoryData<string, string, string> Rejected => new()
    {
        { "a scanned PDF", DocumentFiles.Pdf, ErrorCodes.DocumentWithoutText },
        { "an encrypted PDF", DocumentFiles.Pdf, ErrorCodes.DocumentEncrypted },
        { "a PDF of 21 pages", DocumentFiles.Pdf, ErrorCodes.DocumentTooLarge },
        { "half a PDF", DocumentFiles.Pdf, ErrorCodes.DocumentDamaged },
        { "a DOCX", DocumentFiles.Pdf, ErrorCodes.DocumentWrongType },
        { "a DOCX", DocumentFiles.Slides, ErrorCodes.DocumentWrongType },
        { "a PDF", DocumentFiles.Word, ErrorCodes.DocumentWrongType },
        { "a ZIP", DocumentFiles.Word, ErrorCodes.DocumentWrongType },
        { "a text", DocumentFiles.Word, ErrorCodes.DocumentWrongType },
        { "nothing", DocumentFiles.Word, ErrorCodes.DocumentWrongType },
        { "zeros", DocumentFiles.Pdf, ErrorCodes.DocumentWrongType },
        { "an encrypted DOCX", DocumentFiles.Word, ErrorCodes.DocumentEncrypted },
        { "an old DOC", DocumentFiles.Word, ErrorCodes.DocumentWrongType },
        { "half a DOCX", DocumentFiles.Word, ErrorCodes.DocumentDamaged },
        { "an empty DOCX", DocumentFiles.Word, ErrorCodes.DocumentWithoutText },
        { "a DOCX of 100,001 characters", DocumentFiles.Word, ErrorCodes.DocumentTooLarge },
        { "a DOCX that unpacks to 10 MB", DocumentFiles.Word, ErrorCodes.DocumentTooLarge },
        { "a DOCX nested 10,000 deep", DocumentFiles.Word, ErrorCodes.DocumentDamaged },
        { "a DOCX with a DTD", DocumentFiles.Word, ErrorCodes.DocumentDamaged },
    };

    [Theory]
    [MemberData(nameof(Rejected))]
    public void File_ThatCannotBeRead_SaysWhy(string file, string mediaType, string code)
    {
        var refused = Should.Throw<ProblemException>(() => DocumentProgram.Open(mediaType, Made(file), Bounds));

        refused.Code.ShouldBe(code, refused.Message);
        refused.Status.ShouldBe(400);
    }

    private static byte[] Made(string file) => file switch
    {
        "a scanned PDF" => Pdfs.Scanned(3),
        "an encrypted PDF" => Pdfs.Encrypted(),
        "a PDF of 21 pages" => Pdfs.Of([.. Enumerable.Range(0, 21).Select(i => $"page {i}")]),
        "half a PDF" => Pdfs.Of("Plants turn light into sugar.")[..200],
        "a DOCX" => Offices.Docx(["text"]),
        "a PDF" => Pdfs.Of("text"),
        "a ZIP" => [.. "PK\x05\x06"u8, .. new byte[18]],
        "a text" => "text"u8.ToArray(),
        "nothing" => [],
        "zeros" => new byte[10_000],
        "an encrypted DOCX" => [0xD0, 0xCF, 0x11, 0xE0, .. new byte[508], .. Encoding.Unicode.GetBytes("EncryptedPackage"), .. new byte[512]],
        "an old DOC" => [0xD0, 0xCF, 0x11, 0xE0, .. new byte[2000]],
        "half a DOCX" => Offices.Docx(["text"])[..600],
        "an empty DOCX" => Offices.Docx([]),
        "a DOCX of 100,001 characters" => Offices.Docx([new string('a', 50_000), new string('b', 50_001)]),
        "a DOCX that unpacks to 10 MB" => WithBody($"<w:p><w:r><w:t>{new string(' ', 10_000_000)}</w:t></w:r></w:p>"),
        "a DOCX nested 10,000 deep" => WithBody(
            string.Concat(Enumerable.Repeat("<w:sdt><w:sdtContent>", 5000)) + string.Concat(Enumerable.Repeat("</w:sdtContent></w:sdt>", 5000))),
        "a DOCX with a DTD" => WithBody("<w:p><w:r><w:t>&a;</w:t></w:r></w:p>", "<!DOCTYPE a [<!ENTITY a \"b\">]>"),
        _ => throw new ArgumentException(file),
    };

    private static byte[] WithBody(string body, string before = "")
    {
        var file = new MemoryStream();
        file.Write(Offices.Docx(["text"]));
        using (var archive = new ZipArchive(file, ZipArchiveMode.Update, leaveOpen: true))
        {
            archive.GetEntry("word/document.xml")!.Delete();
            using var writer = new StreamWriter(archive.CreateEntry("word/document.xml").Open());
            writer.Write($"<?xml version=\"1.0\"?>{before}<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">" +
                $"<w:body>{body}</w:body></w:document>");
        }
        return file.ToArray();
    }
}
