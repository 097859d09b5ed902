import { expect, test } from 'vitest'
import { faultOf, fieldsOf, policyOf, wordsOf } from './policy'

test('a policy is the same after a form had it', () => {
  const policy = {
    questions: true,
    answers: true,
    by: 'guard' as const,
    words: ['our own word', '以及短语'],
    when_unavailable: 'go_on' as const,
    help: { text: 'You are not alone.', contact: 'room 12' },
    block_self_harm: true,
    tell: ['a'],
    guardian_consent_required: true,
  }
  expect(policyOf(fieldsOf(policy))).toEqual(policy)
})

test('without help nobody is told and nothing refused because of self-harm', () =>
  expect(policyOf({ ...fieldsOf({ questions: false, answers: false, block_self_harm: false, guardian_consent_required: false }), blockSelfHarm: true, tell: ['a'], helpText: '  ' })).toMatchObject({ help: null, block_self_harm: false, tell: null }))

test('words are lines, each once', () => expect(wordsOf(' a \n\nb\na')).toEqual(['a', 'b']))

test('too many or too long words are said', () =>
  expect([faultOf(['a']), faultOf(Array.from({ length: 501 }, (_, i) => `${i}`)), faultOf(['x'.repeat(65)])]).toEqual([null, 'many', 'long']))
