import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { TextArea } from '@/ui/field'
import { ProblemNotice } from '@/ui/problem'
import { readTable } from '../codes/csv'

interface AddStudentsProps {
  classId: string
  open: boolean
  onClose: () => void
  onMade: (students: readonly Schema['NewStudent'][]) => void
}

/** Makes accounts from a list of names: typed, pasted, or a spreadsheet's file. */
export function AddStudents({ classId, open, onClose, onMade }: AddStudentsProps) {
  const { t } = useTranslation('classes')
  const [list, setList] = useState('')
  const input = useRef<HTMLInputElement>(null)
  const make = useMutation({
    mutationFn: () =>
      data(
        api.POST('/api/classes/{id}/students', {
          params: { path: { id: classId } },
          body: list,
          bodySerializer: body => body,
          headers: { 'content-type': 'text/csv; charset=utf-8' },
        }),
      ),
    onSuccess: ({ students }) => {
      setList('')
      onMade(students)
    },
  })
  const lines = list.split(/\r?\n/).filter(line => line.trim()).length
  return (
    <Dialog open={open} onClose={onClose} title={t('classes:add.title')} description={t('classes:add.text')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          make.mutate()
        }}
      >
        <TextArea label={t('classes:add.list')} hint={t('classes:add.hint')} rows={8} value={list} onChange={event => setList(event.target.value)} className="max-h-64 font-mono" placeholder={t('classes:add.example')} />
        <div>
          <Button onClick={() => input.current?.click()}>{t('classes:add.file')}</Button>
          <input
            ref={input}
            type="file"
            hidden
            accept=".csv,.tsv,.txt,text/csv"
            aria-label={t('classes:add.file')}
            onChange={event => {
              const file = event.target.files?.[0]
              event.target.value = ''
              if (file) void readTable(file).then(setList)
            }}
          />
        </div>
        <ProblemNotice error={make.error} />
        <Button kind="primary" type="submit" busy={make.isPending} disabled={lines === 0} className="self-end">
          {t('classes:add.action')}
        </Button>
      </form>
    </Dialog>
  )
}
