import i18next from 'i18next'

/** "5 minutes ago", "tomorrow", in the page's language. */
export function relativeTime(at: string | Date, now = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000
  const format = new Intl.RelativeTimeFormat(i18next.language, { numeric: 'auto' })
  for (const [unit, size] of [['day', 86_400], ['hour', 3600], ['minute', 60]] as const)
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit)
  return format.format(0, 'minute')
}

/** "in 30 seconds", "in 2 hours", in the page's language. */
export function inSeconds(seconds: number): string {
  const format = new Intl.RelativeTimeFormat(i18next.language)
  if (seconds < 90) return format.format(Math.ceil(seconds), 'second')
  if (seconds < 5400) return format.format(Math.ceil(seconds / 60), 'minute')
  return seconds < 129_600 ? format.format(Math.ceil(seconds / 3600), 'hour') : format.format(Math.ceil(seconds / 86_400), 'day')
}

export const dateText = (at: string | Date): string =>
  new Intl.DateTimeFormat(i18next.language, { year: 'numeric', month: 'short', day: 'numeric' }).format(new Date(at))

export const dateTimeText = (at: string | Date): string =>
  new Intl.DateTimeFormat(i18next.language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))

export const numberText = (value: number): string => new Intl.NumberFormat(i18next.language).format(value)

/** Milliseconds as seconds with one decimal: "0.4". */
export const secondsText = (milliseconds: number): string =>
  new Intl.NumberFormat(i18next.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(Math.max(milliseconds, 100) / 1000)
/** "today", "tomorrow", "in 3 days": for what is counted in days. */
export function inDays(at: string | Date, now = Date.now()): string {
  const days = Math.round((new Date(at).getTime() - now) / 86_400_000)
  return new Intl.RelativeTimeFormat(i18next.language, { numeric: 'auto' }).format(days, 'day')
}

/** 0.42 as "42%". */
export const percentText = (value: number): string => new Intl.NumberFormat(i18next.language, { style: 'percent', maximumFractionDigits: 0 }).format(value)

/** "Dec 1 – 7" */
export const dayRange = (from: Date, to: Date): string => new Intl.DateTimeFormat(i18next.language, { month: 'short', day: 'numeric' }).formatRange(from, to)
/** "November 2026"; of a day in UTC. */
export const monthText = (day: string): string => new Intl.DateTimeFormat(i18next.language, { year: 'numeric', month: 'long', timeZone: 'UTC' }).format(new Date(day))
