import i18next from 'i18next'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { startTranslation } from '@/i18n'
import attacks from './attacks.json'
import { drawFormula } from './katex'
import { Markdown } from './Markdown'

/** What may come out, with its attributes. `class` and `aria-hidden` everywhere; KaTeX's own elements below. */
const elements: Record<string, string[]> = {
  div: ['tabindex'], span: ['tabindex', 'role'], p: [], h3: [], h4: [], h5: [], h6: [], em: [], strong: [], del: [], code: [], pre: [], br: [], hr: [],
  blockquote: [], ol: ['start'], ul: [], li: [], table: [], thead: [], tbody: [], tr: [], th: ['scope'], td: [],
  a: ['href', 'target', 'rel'],
  button: ['type', 'aria-label', 'title'],
  svg: ['xmlns', 'width', 'height', 'viewBox', 'fill', 'stroke', 'stroke-width', 'stroke-linecap', 'stroke-linejoin', 'role', 'aria-label'],
  path: ['d'], rect: ['width', 'height', 'x', 'y', 'rx', 'ry'], line: ['x1', 'x2', 'y1', 'y2'], circle: ['cx', 'cy', 'r'], polyline: ['points'],
}
const formula: Record<string, string[]> = {
  span: ['style'], svg: ['width', 'height', 'viewBox', 'preserveAspectRatio', 'xmlns', 'style'], path: ['d'], line: ['x1', 'x2', 'y1', 'y2', 'stroke-width'],
  math: ['xmlns', 'display'], semantics: [], annotation: ['encoding'], mrow: [], mi: ['mathvariant'], mn: [], mo: ['stretchy', 'fence', 'lspace', 'rspace', 'minsize', 'maxsize', 'separator'],
  mtext: [], mspace: ['width', 'height', 'mathbackground', 'linebreak'], mpadded: ['height', 'voffset', 'width', 'lspace', 'depth'], mstyle: ['mathcolor', 'displaystyle', 'scriptlevel'],
  mfrac: [], msub: [], msup: [], msubsup: [], msqrt: [], mroot: [], mover: [], munder: [], mtable: [], mtr: [], mtd: [], menclose: ['notation'], merror: [],
}

function faults(root: Element): string[] {
  const found: string[] = []
  for (const element of root.querySelectorAll('*')) {
    const name = element.tagName.toLowerCase()
    const allowed = element.closest('.katex') ? formula[name] : elements[name]
    if (!allowed) found.push(`<${name}>`)
    for (const { name: attribute, value } of element.attributes) {
      if (!['class', 'aria-hidden', ...(allowed ?? [])].includes(attribute)) found.push(`${name}[${attribute}]`)
      if (attribute === 'href' && !/^(https?:\/\/|mailto:)/.test(value)) found.push(`${name}[href=${value}]`)
      if (attribute === 'style' && /url|expression|position:\s*fixed/i.test(value)) found.push(`${name}[style=${value}]`)
      if (attribute === 'style') for (const [, size] of value.matchAll(/(-?[\d.]+)em/g)) if (Math.abs(Number(size)) > 200) found.push(`${name}: ${size}em`)
    }
    if (name === 'a' && (element.getAttribute('rel') !== 'noopener noreferrer' || element.getAttribute('target') !== '_blank')) found.push('a without rel')
  }
  return found
}

let root: HTMLElement
let react: Root

beforeAll(async () => {
  ;(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true
  await startTranslation()
  await i18next.loadNamespaces('markdown')
  // Loaded before the first text, so that each is rendered at once.
  await import('./Rendered')
  expect(drawFormula('x', false)).not.toBeNull()
})

beforeEach(() => {
  root = document.createElement('div')
  document.body.replaceChildren(root)
  react = createRoot(root)
})

afterEach(() => act(async () => react.unmount()))

async function show(text: string, streaming: boolean): Promise<void> {
  await act(async () => react.render(<Markdown text={text} streaming={streaming} onCite={() => {}} />))
  await act(() => vi.waitFor(() => expect(root.querySelector('.markdown')).not.toBeNull()))
  await act(async () => new Promise(resolve => setTimeout(resolve)))
}

test('the test sees what it looks for', async () => {
  await show('$x$ [a](https://a.example) [1]', false)
  await act(() => vi.waitFor(() => expect(root.querySelector('.katex math')).not.toBeNull()))
  expect(root.querySelectorAll('a, button')).toHaveLength(2)
  root.querySelector('a')!.setAttribute('onclick', 'x')
  root.append(document.createElement('script'))
  expect(faults(root)).toEqual(['a[onclick]', '<script>'])
})

test('the corpus is large', () => expect(attacks.length).toBeGreaterThanOrEqual(100))

test.each(attacks.map(text => [text.slice(0, 60), text] as const))('does nothing: %j', async (_, text) => {
  const requested = vi.spyOn(globalThis, 'fetch')
  // Trusted Types refuse these.
  const parsed = [vi.spyOn(Element.prototype, 'innerHTML', 'set'), vi.spyOn(DOMParser.prototype, 'parseFromString')]
  const began = performance.now()
  for (const streaming of [false, true]) {
    await show(text, streaming)
    expect(faults(root)).toEqual([])
  }
  expect(requested).not.toHaveBeenCalled()
  for (const sink of parsed) {
    expect(sink).not.toHaveBeenCalled()
    sink.mockRestore()
  }
  expect(performance.now() - began).toBeLessThan(2_000)
  requested.mockRestore()
})

test('the same text attacks nothing when cut anywhere', async () => {
  for (const text of attacks.filter(text => text.length < 80)) {
    for (let end = 1; end < text.length; end += 7) {
      await act(async () => react.render(<Markdown key={text} text={text.slice(0, end)} streaming />))
      expect(faults(root)).toEqual([])
    }
  }
}, 60_000)
