import { expect, test } from 'vitest'
import { ownPath } from './next'

test.each(['/', '/c/123?ask=x#y', '/join/k7vq-93hx-mmpq', '/plans?next=https://x.example'])('%s is gone to', path => {
  expect(ownPath(path)).toBe(path)
})

test.each([
  undefined, null, 3, '', 'plans', 'https://evil.example', '//evil.example', '/\\evil.example', '/\t/evil.example', '/..//evil.example',
  '/%2e%2e//evil.example', 'javascript:alert(1)', '/sign-in?next=/sign-in', '/api/auth/oidc/login',
])('%s leads to the start', path => {
  expect(ownPath(path)).toBe('/')
})
