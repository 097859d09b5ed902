/** Gives the reader a file made in the page. */
export function saveFile(name: string, type: string, text: string): void {
  const link = document.createElement('a')
  // A spreadsheet takes UTF-8 for what it is only with this mark.
  link.href = URL.createObjectURL(new Blob(type === 'text/csv' ? ['\uFEFF', text] : [text], { type: `${type};charset=utf-8` }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
