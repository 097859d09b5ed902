const day = (date: Date): string => date.toISOString().slice(0, 10)

/** The last months of the calendar in UTC, as the API counts them, the present one first: first and last day. */
export const lastMonths = (now: Date, count: number): { from: string; to: string }[] =>
  Array.from({ length: count }, (_, back) => ({
    from: day(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1))),
    to: day(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back + 1, 0))),
  }))
