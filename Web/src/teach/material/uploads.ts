import { useSyncExternalStore } from 'react'
import { queries } from '@/app/query'
import { Problem } from '@/api/problem'
import { uuid } from '@/ui/uuid'
import type { Refusal } from './files'
import { uploadFile } from './upload'

export interface Upload {
  id: string
  kbId: string
  name: string
  size: number
  state: 'waiting' | 'sending' | 'refused' | 'failed'
  /** Of its bytes, 0 to 1. */
  sent: number
  /** Why it was not sent at all. */
  refusal?: Refusal
  error?: unknown
}

/** Files on their way. They live here and not in a page: one may go elsewhere meanwhile. What arrived is gone from here, and in the list of documents. */
let uploads: readonly Upload[] = []
const files = new Map<string, { file: File; stop: AbortController; done: (document: { id: string } | null) => void }>()
const listeners = new Set<() => void>()

const atOnce = 2

function change(next: readonly Upload[]): void {
  uploads = next
  window.onbeforeunload = next.some(({ state }) => state === 'waiting' || state === 'sending') ? event => event.preventDefault() : null
  listeners.forEach(listener => listener())
}

const patch = (id: string, part: Partial<Upload>) => change(uploads.map(upload => (upload.id === id ? { ...upload, ...part } : upload)))

/** Begins to send. The promise is done when the file has arrived (null: it was given up); a failed one waits for `retryUpload`. */
export function addUpload(kbId: string, file: File, refusal: Refusal | null): Promise<{ id: string } | null> {
  const id = uuid()
  const { name, size } = file
  change([...uploads, { id, kbId, name, size, state: refusal ? 'refused' : 'waiting', sent: 0, refusal: refusal ?? undefined }])
  if (refusal) return Promise.resolve(null)
  return new Promise(done => {
    files.set(id, { file, stop: new AbortController(), done })
    next()
  })
}

export function retryUpload(id: string): void {
  const entry = files.get(id)
  if (!entry) return
  entry.stop = new AbortController()
  patch(id, { state: 'waiting', sent: 0, error: undefined })
  next()
}

/** Stops it, or takes it off the list. */
export function dropUpload(id: string): void {
  const entry = files.get(id)
  files.delete(id)
  change(uploads.filter(upload => upload.id !== id))
  entry?.stop.abort()
  entry?.done(null)
  next()
}

function next(): void {
  const free = atOnce - uploads.filter(({ state }) => state === 'sending').length
  for (const { id } of uploads.filter(({ state }) => state === 'waiting').slice(0, Math.max(0, free))) void run(id)
}

const tries = 3

async function run(id: string): Promise<void> {
  const entry = files.get(id)
  const upload = uploads.find(one => one.id === id)
  if (!entry || !upload) return
  patch(id, { state: 'sending' })
  for (let attempt = 1; ; attempt++) {
    try {
      const document = await uploadFile(upload.kbId, entry.file, { signal: entry.stop.signal, onProgress: sent => patch(id, { sent }) })
      await queries.invalidateQueries({ queryKey: ['kb', upload.kbId, 'documents'] })
      files.delete(id)
      change(uploads.filter(one => one.id !== id))
      entry.done(document)
      break
    } catch (error) {
      if (!files.has(id)) return
      // A network that was away for a moment does not cost the person a click.
      if (error instanceof Problem && error.passing && attempt < tries) {
        await new Promise(resolve => setTimeout(resolve, Math.min(error.retryAfter ?? 2 * attempt, 30) * 1000))
        if (!files.has(id)) return
        patch(id, { sent: 0 })
        continue
      }
      patch(id, { state: 'failed', error })
      break
    }
  }
  next()
}

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Files on their way to one knowledge base. */
export function useUploads(kbId: string): readonly Upload[] {
  return useSyncExternalStore(subscribe, () => uploads).filter(upload => upload.kbId === kbId)
}
