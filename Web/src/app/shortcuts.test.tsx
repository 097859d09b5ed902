import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { listenForShortcuts, switchShortcuts, useShortcut } from './shortcuts'

const today = vi.fn()
const help = vi.fn()
const own = vi.fn()

function Page({ more = false }: { more?: boolean }) {
  useShortcut('g t', 'Today', today)
  useShortcut('?', 'Help', help)
  useShortcut('x', 'Own', own, more)
  useShortcut('Alt N', 'Elsewhere', null)
  return <textarea aria-label="text" />
}

let root: Root
let stop: () => void
const press = (key: string, init: KeyboardEventInit = {}, target: EventTarget = document.body) =>
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...init }))

beforeEach(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  document.body.innerHTML = '<div id="here"></div>'
  root = createRoot(document.getElementById('here')!)
  act(() => root.render(<Page />))
  stop = listenForShortcuts()
})
afterEach(() => {
  act(() => root.unmount())
  stop()
  switchShortcuts(true)
  vi.clearAllMocks()
})

test('two keys one after the other', () => {
  press('g')
  press('t')
  expect(today).toHaveBeenCalledOnce()
  press('t')
  expect(today).toHaveBeenCalledOnce()
})

test('a wrong second key is a first key of its own', () => {
  press('g')
  press('?')
  expect(help).toHaveBeenCalledOnce()
})

test('they rest while one types, composes, holds a modifier, or has a dialog open', () => {
  press('?', {}, document.querySelector('textarea')!)
  press('?', { ctrlKey: true })
  press('?', { isComposing: true })
  const dialog = document.body.appendChild(document.createElement('div'))
  dialog.setAttribute('role', 'dialog')
  press('?')
  expect(help).not.toHaveBeenCalled()
  dialog.dataset.toast = ''
  press('?')
  expect(help).toHaveBeenCalledOnce()
})

test('they can be switched off', () => {
  switchShortcuts(false)
  press('?')
  expect(help).not.toHaveBeenCalled()
})

test('one that is only there sometimes', () => {
  press('x')
  expect(own).not.toHaveBeenCalled()
  act(() => root.render(<Page more />))
  press('x')
  expect(own).toHaveBeenCalledOnce()
})
