const first = 500
const longest = 15_000

/** Milliseconds until the next attempt: doubled each time, and at random between half and all of it, so that a school does not come back at once. */
export function pause(failures: number, random: () => number = Math.random): number {
  const most = Math.min(first * 2 ** failures, longest)
  return most * (0.5 + random() / 2)
}
