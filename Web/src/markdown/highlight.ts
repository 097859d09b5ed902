import { createCssVariablesTheme, createHighlighterCore, type GrammarState, type HighlighterCore, type LanguageInput } from 'shiki/core'
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript'

/** A piece of code of one kind: `keyword`, `string`, …; null: plain. */
export interface Token {
  text: string
  kind: string | null
}
export type Line = Token[]

/** The languages of lessons. Each is loaded when it is first shown. */
const languages: Record<string, () => LanguageInput> = {
  bash: () => import('shiki/langs/bash.mjs'),
  c: () => import('shiki/langs/c.mjs'),
  cpp: () => import('shiki/langs/cpp.mjs'),
  csharp: () => import('shiki/langs/csharp.mjs'),
  css: () => import('shiki/langs/css.mjs'),
  go: () => import('shiki/langs/go.mjs'),
  html: () => import('shiki/langs/html.mjs'),
  java: () => import('shiki/langs/java.mjs'),
  javascript: () => import('shiki/langs/javascript.mjs'),
  json: () => import('shiki/langs/json.mjs'),
  kotlin: () => import('shiki/langs/kotlin.mjs'),
  latex: () => import('shiki/langs/latex.mjs'),
  markdown: () => import('shiki/langs/markdown.mjs'),
  matlab: () => import('shiki/langs/matlab.mjs'),
  python: () => import('shiki/langs/python.mjs'),
  r: () => import('shiki/langs/r.mjs'),
  rust: () => import('shiki/langs/rust.mjs'),
  sql: () => import('shiki/langs/sql.mjs'),
  tsx: () => import('shiki/langs/tsx.mjs'),
  typescript: () => import('shiki/langs/typescript.mjs'),
  xml: () => import('shiki/langs/xml.mjs'),
  yaml: () => import('shiki/langs/yaml.mjs'),
}
const aliases: Record<string, string> = {
  sh: 'bash', shell: 'bash', zsh: 'bash', console: 'bash', h: 'c', 'c++': 'cpp', cc: 'cpp', hpp: 'cpp', cs: 'csharp', 'c#': 'csharp',
  golang: 'go', js: 'javascript', mjs: 'javascript', jsx: 'tsx', kt: 'kotlin', tex: 'latex', md: 'markdown', py: 'python', python3: 'python',
  rs: 'rust', ts: 'typescript', yml: 'yaml', postgresql: 'sql', mysql: 'sql', jsonc: 'json',
}

/** Longer code stays plain: colour is not worth a page that does not answer. */
const longest = 30_000
/** Lines at once; between them the page may do something else. */
const portion = 30

let highlighter: Promise<HighlighterCore> | null = null

export async function highlight(code: string, name: string, signal: AbortSignal): Promise<Line[] | null> {
  const key = name.toLowerCase()
  const lang = aliases[key] ?? key
  const load = Object.hasOwn(languages, lang) ? languages[lang] : undefined
  if (!load || code.length > longest) return null
  highlighter ??= createHighlighterCore({
    themes: [createCssVariablesTheme({ name: 'lyceum', variablePrefix: '--', fontStyle: false })],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  })
  const shiki = await highlighter
  if (!shiki.getLoadedLanguages().includes(lang)) await shiki.loadLanguage(load())

  const lines = code.split('\n')
  const done: Line[] = []
  let grammarState: GrammarState | undefined
  for (let at = 0; at < lines.length; at += portion) {
    if (at > 0) await new Promise(resolve => setTimeout(resolve))
    if (signal.aborted) return null
    const result = shiki.codeToTokens(lines.slice(at, at + portion).join('\n'), { lang, theme: 'lyceum', grammarState, tokenizeTimeLimit: 50 })
    grammarState = result.grammarState
    for (const line of result.tokens) done.push(line.map(token => ({ text: token.content, kind: kindOf(token.color) })))
  }
  return done
}

const kindOf = (color: string | undefined): string | null => /^var\(--token-([\w-]+)\)$/.exec(color ?? '')?.[1] ?? null
