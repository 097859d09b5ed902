/** A table for a spreadsheet (RFC 4180). No cell becomes a formula there: names are what people typed. */
export const csvOf = (rows: readonly (readonly string[])[]): string =>
  rows
    .map(row =>
      row
        .map(cell => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell))
        .map(cell => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
        .join(','),
    )
    .join('\r\n')

/** The text of a file that a spreadsheet saved: UTF-8, or what Chinese ones write. */
export async function readTable(file: File): Promise<string> {
  const bytes = await file.arrayBuffer()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030').decode(bytes)
  }
}
