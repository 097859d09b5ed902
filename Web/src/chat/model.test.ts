import { expect, test } from 'vitest'
import { plainManner, withAsked, withTail, type Branch, type Message } from './model'

const message = (id: string, parent: string | null, more: Partial<Message> = {}): Message =>
  ({ id, parent_id: parent, role: id.startsWith('q') ? 'user' : 'assistant', content: id, status: 'complete', created_at: '', sibling_ids: [id], ...more }) as Message
const branch = (ids: string[], cursor: string | null = null, before: string | null = null): Branch => ({
  messages: ids.map((id, index) => message(id, index ? ids[index - 1]! : before)),
  previous_cursor: cursor,
})
const ids = ({ messages }: Branch) => messages.map(({ id }) => id)
const asked = { text: 'why?', edited: null, manner: plainManner, regenerated: null }
const started = { message_id: 'a9', question_id: 'q9' }

test('Tail_ThatMeetsTheBranch_KeepsWhatIsBefore', () => {
  const long = branch(['q1', 'a1', 'q2', 'a2'], 'cursor')
  expect(ids(withTail(long, branch(['q2', 'a2', 'q3'], 'other', 'a1')))).toEqual(['q1', 'a1', 'q2', 'a2', 'q3'])
  expect(ids(withTail(long, branch(['q3', 'a3'], 'other', 'a2')))).toEqual(['q1', 'a1', 'q2', 'a2', 'q3', 'a3'])
  expect(withTail(long, branch(['q3', 'a3'], 'other', 'a2')).previous_cursor).toBe('cursor')
})

test('Tail_OfAnotherBranch_ReplacesFromWhereTheyPart', () => {
  expect(ids(withTail(branch(['q1', 'a1', 'q2', 'a2']), branch(['q3', 'a3'], null, 'a1')))).toEqual(['q1', 'a1', 'q3', 'a3'])
  expect(ids(withTail(branch(['q1', 'a1']), branch(['q5', 'a5'])))).toEqual(['q5', 'a5'])
})

test('Asked_FollowsTheLastAnswer', () => {
  const next = withAsked(branch(['q1', 'a1']), started, asked, '')
  expect(ids(next)).toEqual(['q1', 'a1', 'q9', 'a9'])
  expect(next.messages[2]!.parent_id).toBe('a1')
  expect(withAsked(next, started, asked, '')).toBe(next)
})

test('Asked_EditedQuestion_StandsBesideIt', () => {
  const next = withAsked(branch(['q1', 'a1', 'q2', 'a2']), started, { ...asked, edited: 'q2' }, '')
  expect(ids(next)).toEqual(['q1', 'a1', 'q9', 'a9'])
  expect(next.messages[2]!.sibling_ids).toEqual(['q2', 'q9'])
})

test('Asked_Regenerated_StandsBesideTheAnswer', () => {
  const next = withAsked(branch(['q1', 'a1']), { message_id: 'a9', question_id: 'q1' }, { ...asked, text: null, regenerated: 'a1' }, '')
  expect(ids(next)).toEqual(['q1', 'a9'])
  expect(next.messages[1]!.sibling_ids).toEqual(['a1', 'a9'])
})
