import type { Root } from 'mdast'
import remend from 'remend'
import { parse } from './parse'

/** A part of a text that renders alone. Its identity is kept while its text is: what is finished is never parsed or rendered again. */
export interface Block {
  text: string
  tree: Root
  /** Depths of the headings that it stands under, such as "13". */
  outline: string
  /** Parsed while its end was open: a formula that nobody closed is a formula then, and text at the end. */
  tail: boolean
}

const list = /^ {0,3}(?:[-+*]|\d{1,9}[.)])(?:\s|$)/
const fence = /^(\s*)(`{3,}|~{3,})/

/**
 * Cuts a text into blocks: before a line that starts something new at the left edge, after an empty line, and at headings and fences of code.
 * Cutting too little costs time only; a list, a fence or a formula is never cut.
 */
export function splitBlocks(text: string): string[] {
  const blocks: string[] = []
  let start = 0
  let open: string | null = null
  let mathLines = 0
  let empty = false
  let cutNext = false
  let isList = false
  let isQuote = false

  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at)
    const next = end < 0 ? text.length : end + 1
    const line = text.slice(at, end < 0 ? text.length : end)
    const blank = line.trim() === ''
    const fenced = fence.exec(line)

    if (open === null && !blank) {
      const edge = !/^\s/.test(line)
      const begins = edge && at > start && (cutNext || /^#{1,6}\s/.test(line) || (fenced !== null && !isQuote) || (empty && !(isList && list.test(line))))
      if (begins) {
        blocks.push(text.slice(start, at))
        start = at
      }
      if (at === start) {
        isList = list.test(line)
        isQuote = line.startsWith('>')
      }
      cutNext = edge && /^#{1,6}\s/.test(line)
    }

    if (open === null) {
      const trimmed = line.trim()
      if (fenced && (isList || fenced[1]!.length < 4)) open = fenced[2]!
      else if (trimmed.startsWith('$$') && !trimmed.includes('$$', 2)) open = '$$'
      else if (trimmed.startsWith('\\[') && !trimmed.includes('\\]')) open = '\\]'
      mathLines = 0
    } else if (open[0] === '`' || open[0] === '~') {
      const closing = line.trim()
      if (closing.length >= open.length && closing === open[0]!.repeat(closing.length)) {
        open = null
        cutNext = !isList
      }
    } else if (line.includes(open) || ++mathLines > 60) open = null

    empty = blank
    at = next
  }
  if (start < text.length) blocks.push(text.slice(start))
  return blocks
}

const definition = /^ {0,3}\[([^\]\n]+)\]:\s*\S.*$/gm
const labelOf = (text: string): string => text.trim().toLowerCase().replace(/\s+/g, ' ')

/** Parses a text that grows at its end. One instance for one text: it holds what it has parsed. */
export class Blocks {
  private text = ''
  private raw: string[] = []
  private blocks: Block[] = []
  private unfinished = false

  update(text: string, unfinished: boolean): readonly Block[] {
    if (text === this.text && unfinished === this.unfinished && this.raw.length > 0) return this.blocks
    // The last two may change with what follows: a list goes on after an empty line.
    const kept = text.startsWith(this.text) ? this.raw.slice(0, -2) : []
    const offset = kept.reduce((sum, block) => sum + block.length, 0)
    this.raw = [...kept, ...splitBlocks(text.slice(offset))]
    this.text = text
    this.unfinished = unfinished

    const definitions = new Map<string, string>()
    if (text.includes(']:')) for (const [line, label] of text.matchAll(definition)) if (!definitions.has(labelOf(label!))) definitions.set(labelOf(label!), line)

    const next: Block[] = []
    let outline = ''
    this.raw.forEach((raw, index) => {
      const tail = unfinished && index === this.raw.length - 1
      const source = withDefinitions(tail ? mend(raw) : raw, definitions)
      const before = this.blocks[index]
      const same = before && before.text === source && before.outline === outline && (before.tail === tail || !/[$\\]/.test(source))
      const block = same ? before : { text: source, tree: isWild(source) ? asText(source) : parse(source, tail), outline, tail }
      next.push(block)
      outline = outlineAfter(block)
    })
    this.blocks = next
    return next
  }
}

/**
 * A text that nobody writes, but that a model which repeats itself does: thousands of marks, lists in lists. To parse it would take seconds,
 * because the time grows with the square of the marks.
 */
function isWild(block: string): boolean {
  if (fence.test(block)) return false
  return block.length > 40_000 || /^(?:[ \t]*(?:>|[-+*][ \t]|\d{1,9}[.)][ \t])){30}/m.test(block) || (block.length > 3_000 && (block.match(/[*_~[\]]/g)?.length ?? 0) > 1_000)
}

const asText = (text: string): Root => ({ type: 'root', children: [{ type: 'paragraph', children: [{ type: 'text', value: text }] }] })

/** Closes what the end of a growing text leaves open: `**bold`. Math is our own affair. */
const mend = (text: string): string => remend(text, { katex: false, inlineKatex: false, linkMode: 'text-only', htmlTags: false })

/** A reference such as `[text][label]` is a link only beside its definition, which may stand in another block. */
function withDefinitions(block: string, definitions: ReadonlyMap<string, string>): string {
  if (definitions.size === 0 || fence.test(block)) return block
  const used = new Set<string>()
  for (const [, label] of block.matchAll(/\[([^\]\n]+)\](?!:)/g)) {
    const line = definitions.get(labelOf(label!))
    if (line && !block.includes(line)) used.add(line)
  }
  return used.size === 0 ? block : `${block.trimEnd()}\n\n${[...used].join('\n')}`
}

/** The headings that a heading of this depth stands under, and itself: depths grow along it. */
export function nest(outline: string, depth: number): string {
  let kept = outline
  while (kept && Number(kept.at(-1)) >= depth) kept = kept.slice(0, -1)
  return kept + depth
}

function outlineAfter({ tree, outline }: Block): string {
  return tree.children.reduce((path, node) => (node.type === 'heading' ? nest(path, node.depth) : path), outline)
}
