using System.CommandLine;
using Lyceum.Tests.Bench;
using Lyceum.Tests.Bench.Retrieval;
using Lyceum.Tests.StubModel;

var url = new Option<string?>("--url") { Description = "the gateway's (or an engine's) base address" };
var token = new Option<string?>("--token") { Description = "API token" };
var data = new Option<DirectoryInfo?>("--data") { Description = "data folder of a running system, instead of --url and --token" };
var folder = new Option<DirectoryInfo>("--data") { Description = "data folder of a running system", Required = true };
var api = new Option<BenchApi>("--api") { Description = "chat: POST /chat; openai: POST /v1/chat/completions" };
var streams = new Option<int>("--streams") { DefaultValueFactory = _ => 300 };
var rate = new Option<double>("--rate") { Description = "tokens per second and stream", DefaultValueFactory = _ => 20 };
var tokens = new Option<int>("--tokens") { Description = "tokens per answer", DefaultValueFactory = _ => 300 };
var ramp = new Option<double>("--ramp-ms") { Description = "the starts are spread evenly over this time", DefaultValueFactory = _ => 5000 };
var unicode = new Option<bool>("--unicode") { Description = "multi-byte and escaped tokens" };
var runs = new Option<int>("--runs") { Description = "of each kind, alternating", DefaultValueFactory = _ => 5 };
var count = new Option<int>("--count") { Description = "resumes of each kind, stops", DefaultValueFactory = _ => 500 };
var details = new Option<bool>("--details") { Description = "the kinds of log records" };
var idle = new Option<int>("--idle") { Description = "sockets that say nothing", DefaultValueFactory = _ => 2000 };
var talking = new Option<int>("--talking") { Description = "sockets that talk", DefaultValueFactory = _ => 200 };
var graphile = new Option<FileInfo>("--graphile") { Description = "tests/Clients/graphile.mjs", Required = true };
var making = new Option<int>("--making") { Description = "roadmaps at once", DefaultValueFactory = _ => 100 };
var polls = new Option<int>("--polls") { Description = "polls a second", DefaultValueFactory = _ => 1000 };
var journal = new Option<string>("--journal") { DefaultValueFactory = _ => "on" };

var chat = new Command("chat", "Streams answers of the stub model through the system and checks every byte and its time.")
{
    url, token, data, api, streams, rate, tokens, ramp, unicode,
};
chat.SetAction(async (arguments, cancel) =>
{
    var target = await Target.FindAsync(arguments.GetValue(url), arguments.GetValue(token), arguments.GetValue(data), cancel);
    using var bench = new ChatBench(target, LoadOf(arguments));
    var result = await bench.RunAsync(cancel);
    Console.WriteLine(result.Line);
    result.ValidationErrors.ForEach(Console.Error.WriteLine);
    return result.AllGood ? 0 : 1;
});

var resume = new Command("resume", "Comes back to a 100 kB answer in the middle, on either of two replicas.") { folder, count };
resume.SetAction(async (arguments, cancel) =>
{
    var system = new RunningSystem(arguments.GetRequiredValue(folder));
    using var bench = new ResumeBench(await system.UrlsAsync("chat-api", cancel), system.Identity(), arguments.GetValue(count));
    await foreach (var line in bench.RunAsync(cancel))
        Console.WriteLine(line);
});

var stop = new Command("stop", "Stops answers at the replica that does not write them.") { folder, count };
stop.SetAction(async (arguments, cancel) =>
{
    var system = new RunningSystem(arguments.GetRequiredValue(folder));
    var model = new Uri((await system.EnvironmentAsync("gpu-engine", cancel))["Llm__Endpoint"]);
    using var bench = new StopBench(await system.UrlsAsync("chat-api", cancel), system.Identity(), model, arguments.GetValue(count));
    Console.WriteLine(await bench.RunAsync(cancel));
});

var journalCost = new Command("journal", "What durability costs: the same load with the journal and without.")
{
    folder, runs, streams, rate, tokens, ramp, unicode,
};
journalCost.SetAction((arguments, cancel) =>
    new JournalCost(new RunningSystem(arguments.GetRequiredValue(folder)), LoadOf(arguments), arguments.GetValue(runs)).RunAsync(Console.Out, cancel));

var wal = new Command("wal", "Bytes of write-ahead log per byte of answer.") { folder, streams, rate, tokens, ramp, unicode, details };
wal.SetAction(async (arguments, cancel) =>
{
    await using var cost = new WalCost(new RunningSystem(arguments.GetRequiredValue(folder)), LoadOf(arguments));
    return await cost.RunAsync(Console.Out, arguments.GetValue(details), cancel);
});

var sessions = new Command("sessions", "Idle and talking live sessions, and refusals beside them; wants an engine that takes no more than these.")
{
    folder, idle, talking,
};
sessions.SetAction(async (arguments, cancel) =>
{
    var system = new RunningSystem(arguments.GetRequiredValue(folder));
    using var bench = new SessionBench(await Target.GatewayAsync(system, cancel), system, arguments.GetValue(idle), arguments.GetValue(talking));
    return await bench.RunAsync(Console.Out, cancel) ? 0 : 1;
});

var jobs = new Command("jobs", "The job engine beside graphile-worker, in turns on the same Postgres.") { folder, graphile, runs };
jobs.SetAction(async (arguments, cancel) =>
    await new JobBench(new RunningSystem(arguments.GetRequiredValue(folder)), arguments.GetRequiredValue(graphile), arguments.GetValue(runs))
        .RunAsync(Console.Out, cancel) ? 0 : 1);

var roadmaps = new Command("roadmaps", "Polls roadmaps through the gateway while as many as --making are always being made.") { folder, making, polls };
roadmaps.SetAction(async (arguments, cancel) =>
{
    using var bench = new RoadmapBench(
        await Target.GatewayAsync(new RunningSystem(arguments.GetRequiredValue(folder)), cancel), arguments.GetValue(making), arguments.GetValue(polls));
    return await bench.RunAsync(Console.Out, cancel) ? 0 : 1;
});

// What answers while roadmaps are made, in StubModel's place.
var roadmapModel = new Command("roadmap-model") { Hidden = true };
roadmapModel.SetAction(async (_, cancel) =>
{
    await using var server = await RoadmapModelServer.StartAsync(TimeSpan.FromSeconds(1));
    Console.WriteLine($"listening on {server.Endpoint[..^3]}");
    await Task.Delay(Timeout.Infinite, cancel);
});
var length = new Option<int>("--seconds") { Description = "of each run", DefaultValueFactory = _ => 4 };
var connections = new Option<int>("--connections") { DefaultValueFactory = _ => 16 };
var only = new Option<string[]>("--only") { Description = "some of bare, tools, hmac, nginx, proxy", AllowMultipleArgumentsPerToken = true };
var gateway = new Command("gateway", "The gateway beside a bare minimal API, and beside nginx.") { runs, length, connections, only };
gateway.SetAction(async (arguments, cancel) =>
{
    await using var bench = new GatewayBench(
        arguments.GetValue(runs), arguments.GetValue(length), arguments.GetValue(connections), arguments.GetValue(only) ?? []);
    return await bench.RunAsync(Console.Out, cancel) ? 0 : 1;
});

var bare = new Command(BareApi.Command);
bare.Hidden = true;
bare.SetAction((_, cancel) => BareApi.RunAsync(cancel));

var ways = new Option<string[]>("--ways") { Description = string.Join(", ", Greed.Ways), AllowMultipleArgumentsPerToken = true };
var greedyLength = new Option<int>("--seconds") { Description = "of each run", DefaultValueFactory = _ => 20 };
var greedyRuns = new Option<int>("--runs") { Description = "of each way; their median counts", DefaultValueFactory = _ => 3 };
var greedy = new Command("greedy", "One tenant takes all it gets, in each way; another tenant's requests beside it.") { folder, greedyLength, greedyRuns, ways };
greedy.SetAction(async (arguments, cancel) =>
{
    var system = new RunningSystem(arguments.GetRequiredValue(folder));
    var chosen = arguments.GetValue(ways);
    using var bench = new GreedyBench(
        (await system.UrlsAsync("gateway", cancel))[0], TimeSpan.FromSeconds(arguments.GetValue(greedyLength)), arguments.GetValue(greedyRuns),
        chosen is { Length: > 0 } ? chosen : Greed.Ways);
    return await bench.RunAsync(Console.Out, cancel) ? 0 : 1;
});

// The other halves of `greedy`.
var way = new Option<string>("--way") { Required = true };
var tutor = new Option<int>("--tutor");
var answer = new Option<string>("--answer") { DefaultValueFactory = _ => "" };
var greed = new Command(Greed.Command) { way, url, tutor, answer };
greed.Hidden = true;
greed.SetAction(async (arguments, cancel) =>
{
    using var load = new Greed(
        new Uri(arguments.GetRequiredValue(url)!), GreedyBench.TokenOf("greedy"), arguments.GetValue(tutor), arguments.GetValue(answer)!);
    await load.RunAsync(arguments.GetRequiredValue(way), cancel);
});
var greedDummy = new Command(Greed.Dummy) { Hidden = true };
greedDummy.SetAction((_, cancel) => Greed.DummyAsync(cancel));

var passages = new Option<int>("--passages") { Description = "in a knowledge base, then ten times as many; 0: recall alone", DefaultValueFactory = _ => 20_000 };
var retrieval = new Command("retrieval", "How good the search of knowledge bases is: recall@5 and MRR of 200 questions; and how its time grows.") { url, token, data, passages };
retrieval.SetAction(async (arguments, cancel) =>
{
    var target = await Target.FindAsync(arguments.GetValue(url), arguments.GetValue(token), arguments.GetValue(data), cancel);
    using var bench = new RetrievalBench(target.Url, () => target.Token ?? "", arguments.GetValue(passages));
    return await bench.RunAsync(Console.Out, cancel) ? 0 : 1;
});
var reads = new Option<int>("--reads") { Description = "of each kind in each of five rounds", DefaultValueFactory = _ => 400 };
var learning = new Command("learning", "What is due and a class's overview at 50,000 reviews, and at ten times as many.") { reads };
learning.SetAction(async (arguments, cancel) =>
    await new LearningBench(arguments.GetValue(reads)).RunAsync(Console.Out, cancel) ? 0 : 1);

var search = new Command("search", "The search of 100,000 messages, and of ten times as many.") { reads };
search.SetAction(async (arguments, cancel) =>
    await new SearchBench(arguments.GetValue(reads)).RunAsync(Console.Out, cancel) ? 0 : 1);

// The other half of `journal`.
var host = new Command(ChatApiHost.Command) { journal };
host.Hidden = true;
host.SetAction((arguments, cancel) => ChatApiHost.RunAsync(arguments.GetValue(journal) == "on", cancel));

return await new RootCommand("Lyceum's load measurements") { chat, resume, stop, journalCost, wal, sessions, jobs, roadmaps, roadmapModel, learning, search, gateway, retrieval, bare, host, greedy, greed, greedDummy }.Parse(args).InvokeAsync();

Load LoadOf(ParseResult arguments) => new(
    arguments.GetValue(api), arguments.GetValue(streams), arguments.GetValue(rate), arguments.GetValue(tokens),
    TimeSpan.FromMilliseconds(arguments.GetValue(ramp)), arguments.GetValue(unicode));
