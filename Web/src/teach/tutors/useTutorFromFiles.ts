import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { capabilitiesQuery } from '@/api/queries'
import { refusalOf, titleOf, type Refusal } from '../material/files'
import { basesQuery, makeBase } from '../material/queries'
import { addUpload } from '../material/uploads'
import { emptyForm, requestOf } from './form'
import { tutorsQuery } from './queries'

export interface TutorMaking {
  kbId: string | null
  error: unknown
  /** Why no file of those that were given can be used. */
  refused: { name: string; size: number; reason: Refusal } | null
  busy: boolean
}

const nothing: TutorMaking = { kbId: null, error: null, refused: null, busy: false }

/** Files become a knowledge base and a tutor that answers from it; then its page is opened, where they are read on. */
export function useTutorFromFiles(): TutorMaking & { make: (files: readonly File[]) => Promise<void> } {
  const { i18n } = useTranslation()
  const capabilities = useQuery(capabilitiesQuery).data
  const cache = useQueryClient()
  const navigate = useNavigate()
  const [state, setState] = useState(nothing)

  const make = async (files: readonly File[]) => {
    const judged = files.map(file => ({ file, refusal: capabilities ? refusalOf(file, capabilities) : null }))
    const first = judged.find(({ refusal }) => !refusal)
    if (!first) {
      setState({ ...nothing, refused: { name: files[0]!.name, size: files[0]!.size, reason: judged[0]!.refusal! } })
      return
    }
    setState({ ...nothing, busy: true })
    try {
      const title = titleOf(first.file.name)
      const base = await makeBase(title)
      void cache.invalidateQueries({ queryKey: basesQuery.queryKey, exact: true })
      setState({ ...nothing, busy: true, kbId: base.kb_id })
      const arrived = await Promise.all(judged.map(({ file, refusal }) => addUpload(base.kb_id, file, refusal)))
      if (arrived.every(document => document === null)) {
        // All were stopped: nothing is left behind.
        await data(api.DELETE('/api/kb/{kb_id}', { params: { path: { kb_id: base.kb_id } } }))
        setState(nothing)
        return
      }
      const tutor = await data(api.POST('/api/tutors', { body: requestOf({ ...emptyForm(i18n.language), name: title, kbId: base.kb_id }) }))
      void cache.invalidateQueries({ queryKey: tutorsQuery.queryKey, exact: true })
      await navigate({ to: '/teach/tutors/$tutorId', params: { tutorId: String(tutor.id) } })
    } catch (error) {
      setState({ ...nothing, error })
    }
  }
  return { ...state, make }
}
