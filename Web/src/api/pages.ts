interface Paged {
  next_cursor?: string | null
}

/** Reads a list to its end, at most `most` pages of it: for lists that are bounded and shown whole. */
export async function allPages<P extends Paged, T>(read: (cursor: string | undefined) => Promise<P>, of: (page: P) => readonly T[], most = 20): Promise<T[]> {
  const found: T[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < most; pages++) {
    const page = await read(cursor)
    found.push(...of(page))
    cursor = page.next_cursor ?? undefined
    if (!cursor) break
  }
  return found
}

/** For `useInfiniteQuery`. */
export const byCursor = {
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page: Paged) => page.next_cursor ?? undefined,
}
