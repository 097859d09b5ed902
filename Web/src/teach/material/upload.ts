import { Problem } from '@/api/problem'
import { refresh } from '@/api/send'
import type { Schema } from '@/api/types'
import { mediaTypeOf } from './files'

interface UploadOptions {
  /** The share of the bytes that are sent, 0 to 1. */
  onProgress: (share: number) => void
  signal: AbortSignal
}

/** Sends a file to a knowledge base. By XMLHttpRequest, because `fetch` does not tell how much is sent. A sign-in that has run out is renewed once. */
export async function uploadFile(kbId: string, file: File, options: UploadOptions): Promise<Schema['DocumentView']> {
  try {
    return await attempt(kbId, file, options)
  } catch (error) {
    if (error instanceof Problem && error.status === 401 && (await refresh())) return attempt(kbId, file, options)
    throw error
  }
}

function attempt(kbId: string, file: File, { onProgress, signal }: UploadOptions): Promise<Schema['DocumentView']> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', `/api/kb/${encodeURIComponent(kbId)}/documents?name=${encodeURIComponent(file.name)}`)
    request.setRequestHeader('content-type', mediaTypeOf(file.name) ?? 'application/octet-stream')
    request.upload.onprogress = event => event.lengthComputable && onProgress(event.loaded / event.total)
    request.onload = () => {
      let body: unknown
      try {
        body = JSON.parse(request.responseText)
      } catch {
        body = {}
      }
      if (request.status >= 200 && request.status < 300) resolve(body as Schema['DocumentView'])
      else reject(new Problem(request.status, body as Partial<Schema['Problem']>))
    }
    request.onerror = () => reject(new Problem(0))
    request.onabort = () => reject(new DOMException('stopped', 'AbortError'))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}
