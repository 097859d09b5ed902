import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Loaded } from '@/ui/loaded'
import { Meter } from '@/ui/meter'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { dateTimeText, numberText } from '@/ui/time'
import { readBudget } from './budget'
import { budgetsQuery } from './queries'

/** All budgets of the installation, and how much of each is used. */
export function Budgets() {
  const { t } = useTranslation('operate')
  const budgets = useQuery(budgetsQuery)
  return (
    <Loaded query={budgets}>
      {({ budgets: list }) =>
        list.length === 0 ? (
          <p className="text-muted">{t('operate:budgets.none')}</p>
        ) : (
          <Table
            caption={t('operate:budgets.title')}
            head={
              <>
                <Th>{t('operate:budgets.budget')}</Th>
                <Th>{t('operate:budgets.unit')}</Th>
                <Th end>{t('operate:budgets.used')}</Th>
                <Th end>{t('operate:budgets.limit')}</Th>
                <Th>{t('operate:budgets.share')}</Th>
                <Th>{t('operate:budgets.resets')}</Th>
              </>
            }
          >
            {list.map(one => (
              <tr key={`${one.budget}/${one.unit}/${one.period}`}>
                <RowHead className="min-w-44">
                  <Whose budget={one.budget} />
                </RowHead>
                <Td>{t(`operate:budgets.units.${one.unit}`, { defaultValue: one.unit })}</Td>
                <Td end>{numberText(one.used)}</Td>
                <Td end>{one.limit == null ? '–' : numberText(one.limit)}</Td>
                <Td>
                  <Meter value={one.limit ? Math.min(1, one.used / one.limit) : null} />
                </Td>
                <Td className="whitespace-nowrap text-muted">{one.resets_at ? dateTimeText(one.resets_at) : t('operate:budgets.never')}</Td>
              </tr>
            ))}
          </Table>
        )
      }
    </Loaded>
  )
}

function Whose({ budget }: { budget: string }) {
  const { t } = useTranslation('operate')
  const { by, of, id, tenant } = readBudget(budget)
  return (
    <>
      {t(`operate:budgets.of.${of}`)}
      <span className="block font-mono text-xs font-normal wrap-anywhere text-muted">{id}</span>
      <span className="block text-xs font-normal text-muted">{[t(`operate:budgets.by.${by}`), ...(tenant ? [t('operate:budgets.in', { tenant })] : [])].join(' · ')}</span>
    </>
  )
}
