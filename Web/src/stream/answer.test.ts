import { expect, test } from 'vitest'
import { after, emptyAnswer, type Answer } from './answer'

const delta = (end: number, text: string) => ({ event: 'delta', id: String(end), data: { text } })
const all = (...events: Parameters<typeof after>[1][]) => events.reduce<Answer>((answer, event) => after(answer, event) as Answer, emptyAnswer)

test('Delta_SeenBefore_ChangesNothing', () => {
  const answer = all(delta(6, '植物'), delta(6, '植物'), delta(3, '植'))
  expect(answer).toMatchObject({ text: '植物', bytes: 6, phase: 'streaming' })
})

test('Delta_PartlySeen_AddsItsNewPart', () => {
  expect(all(delta(6, '植物'), delta(12, '植物利用'))).toMatchObject({ text: '植物利用', bytes: 12 })
  expect(all(delta(3, '植'), delta(9, '物🌱'.slice(0, 1) + '利'))).toMatchObject({ text: '植物利', bytes: 9 })
})

test('Delta_AfterMissingText_IsAGap', () => expect(after(all(delta(3, '植')), delta(9, '用'))).toBe('gap'))

test('End_AfterText_KeepsIt', () => {
  const answer = all(delta(3, '植'), { event: 'end', id: 'end', data: { status: 'interrupted', finish_reason: 'engine_lost', error: { code: 'engine_unavailable' } } })
  expect(answer).toMatchObject({ text: '植', phase: 'ended', status: 'interrupted', error: { code: 'engine_unavailable' } })
})

test('Event_AfterEnd_ChangesNothing', () => {
  const ended = all(delta(1, 'a'), { event: 'end', id: 'end', data: { status: 'complete' } })
  expect(after(ended, delta(2, 'b'))).toBe(ended)
})

test('Thinking_BeforeText_IsAPhaseOnly', () => {
  const thinking = { event: 'thinking', id: null, data: { length: 40 } }
  expect(all(thinking)).toMatchObject({ phase: 'thinking', thinking: 40, bytes: 0 })
  expect(all(delta(1, 'a'), thinking)).toMatchObject({ phase: 'streaming', text: 'a' })
})
