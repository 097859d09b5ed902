using Lyceum.ClientGenerator;

// dotnet run --project clients/dotnet/Generator: writes the client anew from docs/openapi.json.
var root = new DirectoryInfo(AppContext.BaseDirectory);
while (root is not null && !File.Exists(Path.Combine(root.FullName, "Solution.sln")))
    root = root.Parent;
if (root is null)
{
    Console.Error.WriteLine("error: run it inside the repository");
    return 2;
}
var file = Path.Combine(root.FullName, ClientCode.File);
File.WriteAllText(file, await ClientCode.GenerateAsync(Path.Combine(root.FullName, "docs", "openapi.json")));
Console.WriteLine(file);
return 0;
