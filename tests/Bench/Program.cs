using System.CommandLine;
using Lyceum.Tests.Bench;

var url = new Option<string?>("--url") { Description = "the gateway's (or an engine's) base address" };
var token = new Option<string?>("--token") { Description = "API token" };
var data = new Option<DirectoryInfo?>("--data") { Description = "data folder of a running system, instead of --url and --token" };
var api = new Option<BenchApi>("--api") { Description = "chat: POST /chat; openai: POST /v1/chat/completions" };
var streams = new Option<int>("--streams") { DefaultValueFactory = _ => 300 };
var rate = new Option<double>("--rate") { Description = "tokens per second and stream", DefaultValueFactory = _ => 20 };
var tokens = new Option<int>("--tokens") { Description = "tokens per answer", DefaultValueFactory = _ => 300 };
var ramp = new Option<double>("--ramp-ms") { Description = "the starts are spread evenly over this time", DefaultValueFactory = _ => 5000 };
var unicode = new Option<bool>("--unicode") { Description = "multi-byte and escaped tokens" };

var chat = new Command("chat", "Streams answers of the stub model through the system and checks every byte and its time.")
{
    url, token, data, api, streams, rate, tokens, ramp, unicode,
};
chat.SetAction(async (arguments, cancel) =>
{
    var target = await Target.FindAsync(arguments.GetValue(url), arguments.GetValue(token), arguments.GetValue(data), cancel);
    var load = new Load(
        arguments.GetValue(api), arguments.GetValue(streams), arguments.GetValue(rate), arguments.GetValue(tokens),
        TimeSpan.FromMilliseconds(arguments.GetValue(ramp)), arguments.GetValue(unicode));
    using var bench = new ChatBench(target, load);
    var result = await bench.RunAsync(cancel);
    Console.WriteLine(result.Line);
    result.Faults.ForEach(Console.Error.WriteLine);
    return result.AllGood ? 0 : 1;
});
return await new RootCommand("Lyceum's load measurements") { chat }.Parse(args).InvokeAsync();
