import { useEffect, useEffectEvent } from 'react'
import type { PersonalEvent } from '@/stream/protocol'
import { useStream } from './useStream'

/**
 * Calls back when something changes for the person (docs/events.md). After `ready` and `reset` what is shown is to be read anew.
 *
 *     useEvents(({ event, data }) => event === 'job.changed' && queries.invalidateQueries({ queryKey: ['plan', data.task_id] }))
 */
export function useEvents(listener: (event: PersonalEvent) => void): void {
  const stream = useStream()
  const heard = useEffectEvent(listener)
  useEffect(() => stream?.listen(event => heard(event)), [stream])
}
