import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { loadOf, rateOf, type Load } from './metrics'
import { metricsQuery } from './queries'

export interface Point {
  requests: number
  cpu: number
}

/** Readings that are kept: five minutes at one each 5 s. */
const kept = 60

interface History {
  last: Load | null
  points: readonly Point[]
}

/** The load now, and how it was since the page was opened. */
export function useLoad() {
  const query = useQuery(metricsQuery)
  const [history, setHistory] = useState<History>({ last: null, points: [] })
  const reading = query.data
  if (reading && reading.at !== history.last?.at) {
    const load = loadOf(reading.samples, reading.at)
    const rate = history.last && rateOf(history.last, load)
    setHistory({ last: load, points: rate ? [...history.points, rate].slice(-kept) : history.points })
  }
  return { query, ...history }
}
