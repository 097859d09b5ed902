import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const here = import.meta.dirname
const sources = join(here, '..')

/** Keys of a language file, with i18next's plural endings cut off: the languages have different ones. */
function keys(words: unknown, path = ''): string[] {
  if (typeof words !== 'object' || words === null) return [path.replace(/_(zero|one|two|few|many|other)$/, '')]
  return Object.entries(words).flatMap(([key, value]) => keys(value, path ? `${path}.${key}` : key))
}

const read = (language: string, file: string) => JSON.parse(readFileSync(join(here, language, file), 'utf8')) as unknown
const unique = (list: string[]) => [...new Set(list)].sort()
const files = readdirSync(join(here, 'en'))

test('both languages have the same files', () => expect(readdirSync(join(here, 'zh'))).toEqual(files))

test.each(files)('%s has the same keys in both languages', file => {
  expect(unique(keys(read('zh', file)))).toEqual(unique(keys(read('en', file))))
})

test.each(files)('%s has the same placeholders in both languages', file => {
  const placeholders = (language: string) => {
    const found = new Map<string, string[]>()
    const walk = (words: unknown, path: string) => {
      if (typeof words === 'string') {
        const key = path.replace(/_(zero|one|two|few|many|other)$/, '')
        found.set(key, unique([...(found.get(key) ?? []), ...(words.match(/\{\{\w+|<\d+>/g) ?? [])]))
      } else for (const [key, value] of Object.entries(words as object)) walk(value, path ? `${path}.${key}` : key)
    }
    walk(read(language, file), '')
    return Object.fromEntries(found)
  }
  expect(placeholders('zh')).toEqual(placeholders('en'))
})

test('every key that the sources name exists', () => {
  const known = new Set(files.flatMap(file => keys(read('en', file)).map(key => `${file.replace('.json', '')}:${key}`)))
  const missing: string[] = []
  for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter(name => /(?<!\.test)\.tsx?$/.test(name))) {
    const text = readFileSync(join(sources, file), 'utf8')
    for (const [, key] of text.matchAll(/\bt\('([a-z]+:[\w.-]+)'/g)) if (!known.has(key!)) missing.push(`${file}: ${key}`)
  }
  expect(missing).toEqual([])
})

test('every error code of the API has words', () => {
  const source = readFileSync(join(sources, '../../ServiceDefaults/Errors/ErrorCodes.cs'), 'utf8')
  const codes = [...source.matchAll(/const string \w+ = "([a-z_]+)"/g)].map(match => match[1]!)
  expect(codes.length).toBeGreaterThan(100)
  const words = read('en', 'problems.json') as Record<string, string>
  expect(codes.filter(code => !words[code])).toEqual([])
})
