/** Files in a dropped folder, with those of its folders; a thousand at most: so many documents fit into one knowledge base. */
const most = 1000

/** What was dropped: single files, and the files of folders. Hidden ones (`.DS_Store`) are left out. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  // Both lists are empty after the event's first pause: read them at once.
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.() ?? null)
  const plain = [...transfer.files]
  if (!entries.some(entry => entry?.isDirectory)) return plain
  const found: File[] = []
  for (const entry of entries) if (entry) await walk(entry, found)
  return found
}

async function walk(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (found.length >= most || entry.name.startsWith('.')) return
  if (entry.isFile) found.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)))
  else {
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    // A reader answers with some entries at a time, and with none at the end.
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
      if (some.length === 0) return
      for (const one of some) await walk(one, found)
    }
  }
}
