import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { api, data } from '@/api/client'
import type { Connection } from './protocol'
import { LiveRoom } from './room'

// Development serves the page from another port than the gateway: its proxy passes sockets on.
const here = (connection: Connection): Connection => {
  if (!import.meta.env.DEV) return connection
  const url = new URL(connection.engine_url)
  url.host = location.host
  return { ...connection, engine_url: url.toString() }
}

/** One live session with a tutor, its sound included. */
export function useLive(tutor: number, person: string) {
  const room = useMemo(
    () =>
      new LiveRoom({
        create: () => data(api.POST('/api/tutors/{id}/sessions', { params: { path: { id: tutor } }, body: { student_id: person as never } })).then(here),
        connect: id => data(api.POST('/api/sessions/{session_id}/connect', { params: { path: { session_id: id } } })).then(here),
      }),
    [tutor, person],
  )
  const state = useSyncExternalStore(room.session.subscribe, room.session.get)
  const sound = useSyncExternalStore(room.subscribe, room.get)
  useEffect(() => {
    const online = () => room.session.get().phase === 'reconnecting' && room.session.resume()
    addEventListener('online', online)
    return () => {
      removeEventListener('online', online)
      room.close()
    }
  }, [room])
  return { room, session: room.session, state, sound }
}

export type Live = ReturnType<typeof useLive>
