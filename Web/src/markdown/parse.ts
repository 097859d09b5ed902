import type { Root } from 'mdast'
import { fromMarkdown, type CompileContext, type Extension, type Token } from 'mdast-util-from-markdown'
import { gfmAutolinkLiteralFromMarkdown } from 'mdast-util-gfm-autolink-literal'
import { gfmStrikethroughFromMarkdown } from 'mdast-util-gfm-strikethrough'
import { gfmTableFromMarkdown } from 'mdast-util-gfm-table'
import { gfmTaskListItemFromMarkdown } from 'mdast-util-gfm-task-list-item'
import { cjkFriendlyExtension } from 'micromark-extension-cjk-friendly'
import { gfmStrikethroughCjkFriendly } from 'micromark-extension-cjk-friendly-gfm-strikethrough'
import { gfmAutolinkLiteral } from 'micromark-extension-gfm-autolink-literal'
import { gfmTable } from 'micromark-extension-gfm-table'
import { gfmTaskListItem } from 'micromark-extension-gfm-task-list-item'
import { mathSyntax } from './mathSyntax'

/** A formula. `display`: on a line of its own. */
export interface MathNode {
  type: 'math'
  value: string
  display: boolean
}

declare module 'mdast' {
  interface RootContentMap {
    math: MathNode
  }
  interface PhrasingContentMap {
    math: MathNode
  }
}

const mathNodes: Extension = {
  enter: {
    mathText: enterMath,
    mathFlow: enterMath,
  },
  exit: {
    mathText: exitMath,
    mathFlow: exitMath,
    mathData(this: CompileContext, token: Token) {
      this.config.enter.data!.call(this, token)
      this.config.exit.data!.call(this, token)
    },
  },
}

function enterMath(this: CompileContext, token: Token) {
  this.enter({ type: 'math', value: '', display: false }, token)
  this.buffer()
}

function exitMath(this: CompileContext, token: Token) {
  const value = this.resume()
  const node = this.stack[this.stack.length - 1] as unknown as MathNode
  node.value = value.trim()
  node.display = token._opener === '$$' || token._opener === '\\['
  this.exit(token)
}

// GFM without footnotes: these would put ids into the page, and "[1]" is how answers cite.
const gfm = [gfmAutolinkLiteral(), gfmTable(), gfmTaskListItem(), cjkFriendlyExtension(), gfmStrikethroughCjkFriendly({ singleTilde: false })]
const nodes = [gfmAutolinkLiteralFromMarkdown(), gfmTableFromMarkdown(), gfmTaskListItemFromMarkdown(), gfmStrikethroughFromMarkdown(), mathNodes]
const whole = { extensions: [...gfm, mathSyntax(false)], mdastExtensions: nodes }
const growing = { extensions: [...gfm, mathSyntax(true)], mdastExtensions: nodes }

/** `unfinished`: more text is expected after this one. */
export const parse = (markdown: string, unfinished = false): Root => fromMarkdown(markdown, unfinished ? growing : whole)
