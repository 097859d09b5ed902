import { expect, test } from 'vitest'
import { csvOf, readTable } from './csv'

test('cells with commas and quotes are quoted, and none is a formula', () =>
  expect(csvOf([['name', 'code'], ['Li, "Na"', '=1+1']])).toBe('name,code\r\n"Li, ""Na""",\'=1+1'))

test('a table is read as UTF-8, else as Chinese spreadsheets write', async () => {
  expect(await readTable(new File(['\uFEFF王小明'], 'a.csv'))).toBe('王小明')
  expect(await readTable(new File([new Uint8Array([0xcd, 0xf5])], 'a.csv'))).toBe('王')
})
