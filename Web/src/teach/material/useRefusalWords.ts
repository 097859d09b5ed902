import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery } from '@/api/queries'
import { bytesText } from '@/ui/number'
import { largestOf, type Refusal } from './files'

/** Says why a file is not taken, and what to do. */
export function useRefusalWords(): (file: { name: string; size: number }, reason: Refusal) => string {
  const { t } = useTranslation('material')
  const limits = useQuery(capabilitiesQuery).data?.limits
  return ({ name, size }, reason) => t(`material:refusal.${reason}`, { size: bytesText(size), most: limits ? bytesText(largestOf(name, limits)) : '' })
}
