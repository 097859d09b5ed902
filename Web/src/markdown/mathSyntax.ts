import type { Code, Construct, Effects, Extension, State, TokenizeContext } from 'micromark-util-types'

/**
 * Math for micromark: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`, in a line and as a block of its own. micromark-extension-math knows dollars only,
 * and takes "$5 and $6" for math.
 *
 * A single dollar opens math after anything but a letter or digit of Latin script (so also beside Chinese characters) and before anything but
 * space; it closes after anything but space and before anything but a letter or digit. What is then a number in words ("$5 和 3$") stays text.
 */
const dollar = 36
const backslash = 92

/** The closing delimiter of each opening one. */
const closers: Readonly<Record<string, string>> = { $: '$', $$: '$$', '\\(': '\\)', '\\[': '\\]' }

declare module 'micromark-util-types' {
  interface TokenTypeMap {
    mathText: 'mathText'
    mathFlow: 'mathFlow'
    mathFence: 'mathFence'
    mathData: 'mathData'
  }
  interface Token {
    /** The opening delimiter of math. */
    _opener?: string
  }
}

/** Openers that found no end in this part of the text: later ones find none either, and need not look again (time would grow with the square). */
const hopeless = new WeakMap<TokenizeContext, Set<string>>()
const isHopeless = (context: TokenizeContext, opener: string): boolean => hopeless.get(context)?.has(opener) ?? false

function giveUp(context: TokenizeContext, opener: string): void {
  const known = hopeless.get(context)
  if (known) known.add(opener)
  else hopeless.set(context, new Set([opener]))
}

const isLineEnding = (code: Code): boolean => code !== null && code < -2
const isSpace = (code: Code): boolean => code === null || code < 0 || code === 32
const isWord = (code: Code): boolean =>
  code !== null && ((code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122))
const looksLikePrice = (text: string): boolean => /^\d/.test(text) && /[\s\u3400-\u9fff]/.test(text) && !/[\\^_=+*/<>{}|-]/.test(text)

/** `unfinished`: math that the end of the text cuts off is math already, so that a stream does not show its commands as text. */
export function mathSyntax(unfinished: boolean): Extension {
  const text: Construct = { name: 'mathText', tokenize: tokenizeText }
  const flow: Construct = { name: 'mathFlow', tokenize: tokenizeFlow, concrete: true }
  return { text: { [dollar]: text, [backslash]: text }, flow: { [dollar]: flow, [backslash]: flow } }

  function tokenizeText(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- micromark's tokenizers find their state in `this`
    const self = this
    const before = this.previous
    let opener = ''
    let content = ''
    let last: Code = null

    return code => {
      effects.enter('mathText')
      effects.enter('mathFence')
      effects.consume(code)
      opener = String.fromCharCode(code!)
      return opened
    }

    function opened(code: Code): State | undefined {
      if (opener === '\\') {
        if (code !== 40 && code !== 91) return nok(code)
        opener += String.fromCharCode(code)
        effects.consume(code)
        return first
      }
      if (code !== dollar) return first(code)
      opener = '$$'
      effects.consume(code)
      return first
    }

    function first(code: Code): State | undefined {
      if (opener[0] === '$' && (code === dollar || before === dollar)) return nok(code)
      if ((opener === '$' && (isSpace(code) || isWord(before))) || isHopeless(self, opener)) return nok(code)
      effects.exit('mathFence')._opener = opener
      return between(code)
    }

    function between(code: Code): State | undefined {
      if (code === null) {
        if (unfinished && opener !== '$' && content.length > 0) return end(code)
        giveUp(self, opener)
        return nok(code)
      }
      if (isLineEnding(code)) {
        effects.enter('lineEnding')
        effects.consume(code)
        effects.exit('lineEnding')
        last = code
        content += '\n'
        return between
      }
      if (code === dollar || code === backslash) return effects.attempt({ tokenize: tokenizeClose, partial: true }, end, open)(code)
      return open(code)
    }

    function open(code: Code): State | undefined {
      // Another dollar where none can close: these are prices.
      if (code === dollar && opener === '$') return nok(code)
      effects.enter('mathData')
      return data(code)
    }

    function data(code: Code): State | undefined {
      effects.consume(code)
      if (code! > 0) content += String.fromCharCode(code!)
      last = code
      return code === backslash ? escaped : more
    }

    /** The character after a backslash: `\$` closes nothing. */
    function escaped(code: Code): State | undefined {
      if (code === null || isLineEnding(code)) return more(code)
      effects.consume(code)
      if (code > 0) content += String.fromCharCode(code)
      last = code
      return more
    }

    function more(code: Code): State | undefined {
      if (code !== null && !isLineEnding(code) && code !== dollar && code !== backslash) return data(code)
      effects.exit('mathData')
      return between(code)
    }

    function tokenizeClose(inner: Effects, closed: State, not: State): State {
      const closer = closers[opener]!
      let index = 0
      return function start(code) {
        inner.enter('mathFence')
        return next(code)
      }
      function next(code: Code): State | undefined {
        if (index === closer.length) {
          if (opener === '$' && (isSpace(last) || isWord(code) || code === dollar || looksLikePrice(content))) return not(code)
          inner.exit('mathFence')
          return closed(code)
        }
        if (code !== closer.charCodeAt(index)) return not(code)
        inner.consume(code)
        index++
        return next
      }
    }

    function end(code: Code): State | undefined {
      effects.exit('mathText')._opener = opener
      return ok(code)
    }
  }

  function tokenizeFlow(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- micromark's tokenizers find their state in `this`
    const self = this
    let opener = ''
    let blank = false
    let emptyLine = false
    /** The closing delimiter was there, and text after it in its line: math in a line, not a block. */
    let followed = false

    return code => {
      effects.enter('mathFlow')
      effects.enter('mathFence')
      effects.consume(code)
      opener = String.fromCharCode(code!)
      return second
    }

    function second(code: Code): State | undefined {
      if (code !== (opener === '$' ? dollar : 91)) return nok(code)
      opener += String.fromCharCode(code)
      effects.consume(code)
      return third
    }

    function third(code: Code): State | undefined {
      if ((opener === '$$' && code === dollar) || isHopeless(self, opener)) return nok(code)
      effects.exit('mathFence')
      return content(code)
    }

    function content(code: Code): State | undefined {
      if (code === null) {
        if (unfinished && !blank) return end(code)
        giveUp(self, opener)
        return nok(code)
      }
      if (isLineEnding(code)) {
        if (self.interrupt) return ok(code)
        if (emptyLine) blank = true
        emptyLine = true
        return effects.attempt({ tokenize: tokenizeNextLine, partial: true }, content, nok)(code)
      }
      if (!isSpace(code)) emptyLine = false
      if (code === dollar || code === backslash) return effects.attempt({ tokenize: tokenizeClose, partial: true }, end, notClosed)(code)
      return value(code)
    }

    function notClosed(code: Code): State | undefined {
      return followed ? nok(code) : value(code)
    }

    function value(code: Code): State | undefined {
      effects.enter('mathData')
      effects.consume(code)
      return code === backslash ? escaped : inside
    }

    function escaped(code: Code): State | undefined {
      if (code === null || isLineEnding(code)) return inside(code)
      effects.consume(code)
      return inside
    }

    function inside(code: Code): State | undefined {
      if (code !== null && !isLineEnding(code) && code !== dollar && code !== backslash) {
        if (!isSpace(code)) emptyLine = false
        effects.consume(code)
        return inside
      }
      effects.exit('mathData')
      return content(code)
    }

    /** The closing delimiter, if it ends the line. */
    function tokenizeClose(inner: Effects, closed: State, not: State): State {
      const closer = closers[opener]!
      let index = 0
      return function start(code) {
        inner.enter('mathFence')
        return next(code)
      }
      function next(code: Code): State | undefined {
        if (index === closer.length) {
          if (code === 32 || code === -2 || code === -1) {
            inner.consume(code)
            return next
          }
          if (code !== null && !isLineEnding(code)) {
            followed = true
            return not(code)
          }
          inner.exit('mathFence')
          return closed(code)
        }
        if (code !== closer.charCodeAt(index)) return not(code)
        inner.consume(code)
        index++
        return next
      }
    }

    function tokenizeNextLine(inner: Effects, there: State, lazy: State): State {
      return code => {
        inner.enter('lineEnding')
        inner.consume(code)
        inner.exit('lineEnding')
        return after => (self.parser.lazy[self.now().line] ? lazy(after) : there(after))
      }
    }

    function end(code: Code): State | undefined {
      effects.exit('mathFlow')._opener = opener
      return ok(code)
    }
  }
}
