import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { TextArea } from '@/ui/field'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { reportModeration } from './api'

/** Says that something was withheld wrongly. */
export function ReportDialog({ open, onClose, conversation, message }: { open: boolean; onClose: () => void; conversation: string; message: string }) {
  const { t } = useTranslation('chat')
  const [reason, setReason] = useState('')
  const report = useMutation({
    mutationFn: () => reportModeration(conversation, message, reason),
    onSuccess: () => {
      say(t('chat:report.done'))
      onClose()
    },
  })
  return (
    <Dialog open={open} onClose={onClose} title={t('chat:report.title')} description={t('chat:report.text')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          report.mutate()
        }}
      >
        <TextArea label={t('chat:report.reason')} value={reason} maxLength={1000} onChange={event => setReason(event.target.value)} />
        <ProblemNotice error={report.error} />
        <Button type="submit" kind="primary" busy={report.isPending} className="self-end">
          {t('chat:report.send')}
        </Button>
      </form>
    </Dialog>
  )
}
