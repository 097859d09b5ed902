import { Square, SquareCheck } from 'lucide-react'
import type { Code, Nodes, PhrasingContent, Table } from 'mdast'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Scroller } from '@/ui/scroller'
import { nest, type Block } from './blocks'
import { CitedText } from './cite'
import { CodeBlock } from './CodeBlock'
import { Formula } from './Formula'
import { Picture, TextLink } from './links'
import type { MathNode } from './parse'

/** What a node is rendered with: the headings above it, the level of the first ones, link definitions, and whether it stands in a link. */
interface Scope {
  source: string
  outline: string
  level: number
  definitions: ReadonlyMap<string, string>
  inLink: boolean
  /** Nested deeper than anybody writes: shown as text, so that no text can exhaust the stack. */
  depth: number
}

const deepest = 60

/**
 * A parsed text as elements. Each element and each attribute that can come out of a text is written here: HTML in the text is text.
 */
export function renderBlock({ text, tree, outline }: Block, level: number): ReactNode {
  const definitions = new Map<string, string>()
  for (const node of tree.children) if (node.type === 'definition' && !definitions.has(node.identifier)) definitions.set(node.identifier, node.url)
  const scope: Scope = { source: text, outline, level, definitions, inLink: false, depth: 0 }
  return tree.children.map((node, index) => {
    const rendered = render(node, index, scope)
    if (node.type === 'heading') scope.outline = nest(scope.outline, node.depth)
    return rendered
  })
}

const all = (nodes: readonly Nodes[], scope: Scope): ReactNode => nodes.map((node, index) => render(node, index, scope))

function render(node: Nodes | MathNode, key: number, outer: Scope): ReactNode {
  const scope = outer.depth < deepest ? { ...outer, depth: outer.depth + 1 } : null
  if (scope === null) return plain(node as Nodes)
  switch (node.type) {
    case 'text':
      return scope.inLink ? node.value : <CitedText key={key} text={node.value} />
    case 'html':
      return node.value
    case 'paragraph':
      return <p key={key}>{all(node.children, scope)}</p>
    case 'heading': {
      const level = Math.min(6, scope.level + nest(scope.outline, node.depth).length - 1)
      const Heading = `h${level}` as 'h3'
      return <Heading key={key}>{all(node.children, scope)}</Heading>
    }
    case 'emphasis':
      return <em key={key}>{all(node.children, scope)}</em>
    case 'strong':
      return <strong key={key}>{all(node.children, scope)}</strong>
    case 'delete':
      return <del key={key}>{all(node.children, scope)}</del>
    case 'inlineCode':
      return <code key={key}>{node.value}</code>
    case 'code':
      return <CodeBlock key={key} code={node.value} language={node.lang ?? ''} closed={isClosed(node, scope.source)} />
    case 'math':
      return <Formula key={key} source={node.value} display={node.display} />
    case 'break':
      return <br key={key} />
    case 'thematicBreak':
      return <hr key={key} />
    case 'blockquote':
      return <blockquote key={key}>{all(node.children, scope)}</blockquote>
    case 'list':
      return node.ordered ? (
        <ol key={key} start={node.start !== 1 ? (node.start ?? undefined) : undefined}>
          {all(node.children, scope)}
        </ol>
      ) : (
        <ul key={key}>{all(node.children, scope)}</ul>
      )
    case 'listItem': {
      const tight = !node.spread
      const children = node.children.map((child, index) =>
        tight && child.type === 'paragraph' ? <span key={index}>{all(child.children, scope)}</span> : render(child, index, scope),
      )
      return (
        <li key={key} className={typeof node.checked === 'boolean' ? 'task' : undefined}>
          {typeof node.checked === 'boolean' && <TaskMark done={node.checked} />}
          {children}
        </li>
      )
    }
    case 'table':
      return <TableBlock key={key} node={node} scope={scope} />
    case 'link':
      return link(key, node.url, node.children, scope)
    case 'linkReference': {
      const url = scope.definitions.get(node.identifier)
      return url === undefined ? all(node.children, scope) : link(key, url, node.children, scope)
    }
    case 'image':
      return <Picture key={key} url={node.url} alt={node.alt ?? ''} inLink={scope.inLink} />
    case 'imageReference':
      return <Picture key={key} url={scope.definitions.get(node.identifier) ?? ''} alt={node.alt ?? ''} inLink={scope.inLink} />
    default:
      return null
  }
}

function link(key: number, url: string, children: PhrasingContent[], scope: Scope): ReactNode {
  const inner = all(children, { ...scope, inLink: true })
  if (scope.inLink) return inner
  const only = children.length === 1 && children[0]!.type === 'text' ? children[0].value : null
  return (
    <TextLink key={key} url={url} text={only}>
      {inner}
    </TextLink>
  )
}

/** Whether the fence of a code block is closed: until then its code grows. */
function isClosed(node: Code, source: string): boolean {
  const { start, end } = node.position ?? {}
  return /\n[\s>]*(`{3,}|~{3,})\s*$/.test(source.slice(start?.offset, end?.offset))
}

function TaskMark({ done }: { done: boolean }) {
  const { t } = useTranslation('markdown')
  const Mark = done ? SquareCheck : Square
  return <Mark role="img" aria-label={done ? t('markdown:done') : t('markdown:open')} className="me-2 mb-0.5 inline size-4 text-muted" />
}

function TableBlock({ node, scope }: { node: Table; scope: Scope }) {
  const [head, ...rows] = node.children
  const aligned = (index: number) => {
    const align = node.align?.[index]
    return align === 'right' ? 'text-end' : align === 'center' ? 'text-center' : undefined
  }
  return (
    <Scroller className="my-4">
      <table>
        <thead>
          <tr>
            {head?.children.map((cell, index) => (
              <th key={index} scope="col" className={aligned(index)}>
                {all(cell.children, scope)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, line) => (
            <tr key={line}>
              {row.children.map((cell, index) => (
                <td key={index} className={aligned(index)}>
                  {all(cell.children, scope)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  )
}

/** The text of a node and of all that it holds, without recursion. */
function plain(node: Nodes): string {
  let text = ''
  const left: Nodes[] = [node]
  while (left.length > 0) {
    const next = left.pop()!
    if ('value' in next) text += next.value
    if ('children' in next) left.push(...[...next.children].reverse())
  }
  return text
}
