import { useQuery } from '@tanstack/react-query'
import { capabilitiesQuery } from '@/api/queries'
import { refusalOf } from './files'
import { addUpload } from './uploads'

/** Sends files to a knowledge base; what this system does not take stands in the list with the reason. */
export function useTakeFiles(kbId: string): (files: readonly File[]) => void {
  const capabilities = useQuery(capabilitiesQuery).data
  return files => {
    for (const file of files) void addUpload(kbId, file, capabilities ? refusalOf(file, capabilities) : null)
  }
}
