using Lyceum.Tests.IntegrationTests.Sessions;
using Lyceum.Tests.Support.Documents;
using Lyceum.Tests.Support.Postgres;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Accounts;

/// <summary>A day of a school, as docs/smoke-tests/school-day.sh has it; and what of a student is left who has gone.</summary>
[Collection(PrimerCollection.Name)]
public sealed class SchoolDayTests(SharedSystem system)
{
    [Fact]
    public async Task Day_PassesForAll_AndWhoIsDeletedLeavesNothing()
    {
        _ = system.App;
        using var gateway = system.CreateAnonymousClient();
        var folder = Directory.CreateTempSubdirectory("lyceum-lessons-");
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "lesson.pdf"), Pdfs.Of(
                "Cells\n\nA cell is the smallest unit of life. Each has a membrane.",
                "Photosynthesis\n\nPhotosynthesis turns light, water and carbon dioxide into sugar and oxygen.\nIt happens in chloroplasts."));
            await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "lesson.pptx"), Offices.Pptx(
                ("Leaves", ["A leaf has stomata, through which gases pass."]), ("Roots", ["Roots take up water and minerals."])));
            await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "lesson.docx"), Offices.Docx(
                ["# 光合作用", "光合作用是植物利用光能把二氧化碳和水变成糖和氧气的过程。", "# 呼吸作用", "呼吸作用在线粒体中进行。"]));
            var gone = Path.Combine(folder.FullName, "gone");

            var (status, said) = await SmokeScript.RunAsync(
                system, "bash",
                [Path.Combine(SmokeScript.Folder, "school-day.sh"), gateway.BaseAddress!.ToString(), folder.FullName],
                ("KEEP", gone));

            status.ShouldBe(0, said);
            said.ShouldContain("ok      the day is over");
            var words = await File.ReadAllLinesAsync(gone);
            words.Length.ShouldBe(3);
            foreach (var name in (string[])["chatdb", "sessiondb", "roadmapdb", "gatewaydb"])
            {
                await using var database = NpgsqlDataSource.Create(await system.GetConnectionStringAsync(name));
                (await PersonalRows.FindAsync(database, words, "erased_persons", "erasures", "erasure_steps")).ShouldBeEmpty(name);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
