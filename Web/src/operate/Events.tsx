import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { byCursor } from '@/api/pages'
import { TextField } from '@/ui/field'
import { Pages } from '@/ui/more'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { dateTimeText } from '@/ui/time'

/** What applications reported, newest first. */
export function Events() {
  const { t } = useTranslation('operate')
  const [typed, setTyped] = useState('')
  const [type, setType] = useState('')
  const events = useInfiniteQuery({
    queryKey: ['operate', 'events', type],
    queryFn: ({ pageParam }) => data(api.GET('/api/observe/events', { params: { query: { type: type || undefined, cursor: pageParam, limit: 20 } } })),
    refetchInterval: 5000,
    ...byCursor,
  })
  return (
    <>
      <form
        className="mb-4 max-w-72"
        onSubmit={event => {
          event.preventDefault()
          setType(typed.trim())
        }}
      >
        <TextField
          bare
          type="search"
          label={t('operate:events.filter')}
          placeholder={t('operate:events.filter')}
          value={typed}
          onChange={event => {
            setTyped(event.target.value)
            if (event.target.value === '') setType('')
          }}
        />
      </form>
      <Pages query={events}>
        {pages => {
          const list = pages.flatMap(page => page.events)
          return list.length === 0 ? (
            <p className="text-muted">{type ? t('operate:events.noneOf', { type }) : t('operate:events.none')}</p>
          ) : (
            <Table
              caption={t('operate:events.title')}
              head={
                <>
                  <Th>{t('operate:events.type')}</Th>
                  <Th>{t('operate:events.at')}</Th>
                  <Th>{t('operate:events.attributes')}</Th>
                </>
              }
            >
              {list.map(event => (
                <tr key={event.event_id}>
                  <RowHead>{event.type}</RowHead>
                  <Td className="whitespace-nowrap text-muted">{dateTimeText(event.at)}</Td>
                  <Td className="min-w-60 wrap-anywhere font-mono text-xs">{JSON.stringify(event.attributes)}</Td>
                </tr>
              ))}
            </Table>
          )
        }}
      </Pages>
    </>
  )
}
