import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { SelectField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { moneyText } from '@/ui/number'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { monthText, numberText } from '@/ui/time'
import { useNames } from '../safety/people'
import { lastMonths } from './months'

/** What each person used of each model in a month. */
export function Use() {
  const { t } = useTranslation('school')
  const name = useNames()
  const [months] = useState(() => lastMonths(new Date(), 6))
  const [chosen, setChosen] = useState(0)
  const month = months[chosen]!
  const use = useQuery({
    queryKey: ['budgets', 'use', month.from],
    queryFn: () => data(api.GET('/api/budgets/use', { params: { query: { from: month.from, to: month.to } } })),
  })
  return (
    <>
      <div className="mb-4 max-w-56">
        <SelectField bare label={t('school:use.month')} value={chosen} onChange={event => setChosen(Number(event.target.value))}>
          {months.map(({ from }, index) => (
            <option key={from} value={index}>
              {monthText(from)}
            </option>
          ))}
        </SelectField>
      </div>
      <Loaded query={use}>
        {found =>
          found.use.length === 0 ? (
            <p className="text-muted">{t('school:use.none')}</p>
          ) : (
            <Table
              caption={t('school:use.title')}
              head={
                <>
                  <Th>{t('school:people.name')}</Th>
                  <Th>{t('school:use.model')}</Th>
                  <Th end>{t('school:use.calls')}</Th>
                  <Th end>{t('school:use.read')}</Th>
                  <Th end>{t('school:use.written')}</Th>
                  {found.currency && <Th end>{t('school:use.cost')}</Th>}
                </>
              }
            >
              {found.use.map(one => (
                <tr key={`${one.person}/${one.model}`}>
                  <RowHead>{name(one.person)}</RowHead>
                  <Td className="text-muted">{one.model}</Td>
                  <Td end>{numberText(one.calls)}</Td>
                  <Td end>{numberText(one.prompt_tokens)}</Td>
                  <Td end>{numberText(one.completion_tokens)}</Td>
                  {found.currency && <Td end>{one.cost == null ? '–' : moneyText(one.cost, found.currency)}</Td>}
                </tr>
              ))}
            </Table>
          )
        }
      </Loaded>
    </>
  )
}
