// Schedules review histories with ts-fsrs, the reference implementation, as RoadmapWorker is to: whole days, no fuzz.
// Reads lines {"start": ms, "reviews": [[ms, rating], …]} and writes for each its states
// [[stability, difficulty, due ms, scheduled days, lapses], …].
import { createInterface } from "node:readline";
import { createEmptyCard, fsrs } from "ts-fsrs";

const scheduler = fsrs({ enable_short_term: false, enable_fuzz: false });
for await (const line of createInterface({ input: process.stdin })) {
  const { start, reviews } = JSON.parse(line);
  let card = createEmptyCard(new Date(start));
  const states = [];
  for (const [at, rating] of reviews) {
    card = scheduler.next(card, new Date(at), rating).card;
    states.push([card.stability, card.difficulty, card.due.getTime(), card.scheduled_days, card.lapses]);
  }
  console.log(JSON.stringify(states));
}
