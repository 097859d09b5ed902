import katex, { type KatexOptions } from 'katex'
import 'katex/dist/katex.min.css'

/** KaTeX's own tree of what it will draw. */
interface Drawn {
  attributes?: Record<string, string>
  children?: Drawn[]
  toNode(): HTMLElement
}

const tree = (katex as unknown as { __renderToDomTree(tex: string, options: KatexOptions): Drawn }).__renderToDomTree

const options: KatexOptions = {
  output: 'htmlAndMathml',
  throwOnError: true,
  // No \href, \includegraphics, \htmlClass and the like.
  trust: false,
  // Chinese in formulas is not a fault.
  strict: 'ignore',
  // Macros that grow, and boxes of any size (in em), are bounded.
  maxExpand: 300,
  maxSize: 30,
}

/** Longer ones would block the page. */
const longest = 4_000

/** Draws a formula; null where it has an error. */
export function drawFormula(source: string, display: boolean): Node | null {
  if (source.length > longest) return null
  try {
    const drawn = tree(source, { ...options, displayMode: display })
    styleByObject(drawn)
    return drawn.toNode()
  } catch {
    return null
  }
}

/** The content security policy admits no style attribute: the few that KaTeX writes are set through the style object. */
function styleByObject(root: Drawn): void {
  const left = [root]
  while (left.length > 0) {
    const node = left.pop()!
    const style = node.attributes?.style
    if (style !== undefined) {
      delete node.attributes!.style
      const toNode = node.toNode.bind(node)
      node.toNode = () => {
        const element = toNode()
        element.style.cssText = style
        return element
      }
    }
    if (node.children) left.push(...node.children)
  }
}
