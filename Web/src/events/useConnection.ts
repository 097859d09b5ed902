import { useSyncExternalStore } from 'react'
import type { ConnectionState } from '@/stream/protocol'
import { useStream } from './useStream'

const never = () => () => {}
const unknown = (): ConnectionState => 'connecting'

/** Whether what changes arrives. */
export function useConnection(): ConnectionState {
  const stream = useStream()
  return useSyncExternalStore(stream?.watchConnection ?? never, stream?.connection ?? unknown)
}
