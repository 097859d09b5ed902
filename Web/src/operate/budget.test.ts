import { expect, test } from 'vitest'
import { readBudget } from './budget'

test.each([
  ['set:person:t1/p1', { by: 'owner', of: 'person', tenant: 't1', id: 'p1' }],
  ['set:tenant:t1', { by: 'owner', of: 'tenant', id: 't1' }],
  ['key:user:t1/p1', { by: 'operator', of: 'person', tenant: 't1', id: 'p1' }],
  ['key:ci', { by: 'operator', of: 'key', id: 'ci' }],
  ['tenant:acme', { by: 'operator', of: 'tenant', id: 'acme' }],
  ['what else', { by: 'operator', of: 'other', id: 'what else' }],
])('%s', (budget, owner) => expect(readBudget(budget)).toEqual(owner))
