import type { Nodes } from 'mdast'
import { expect, test } from 'vitest'
import { Blocks, nest, splitBlocks } from './blocks'
import { parse, type MathNode } from './parse'

function formulas(text: string, unfinished = false): string[] {
  const found: string[] = []
  const walk = (node: Nodes | MathNode) => {
    if (node.type === 'math') found.push((node.display ? '$$ ' : '$ ') + node.value)
    if ('children' in node) node.children.forEach(walk)
  }
  walk(parse(text, unfinished))
  return found
}

test.each<[string, string[]]>([
  ['Area $a^2$.', ['$ a^2']],
  ['面积是$a^2$平方米。', ['$ a^2']],
  ['It costs $5 and $6.', []],
  ['US$5, or US$6', []],
  ['from $5 to 6$', []],
  ['价格从$5 到 6$', []],
  ['$5-$6', []],
  ['$2x + 3$ and $y$', ['$ 2x + 3', '$ y']],
  ['$x$-axis', ['$ x']],
  ['\\(a_1 * b_1\\) and \\(c\\)', ['$ a_1 * b_1', '$ c']],
  ['then $$x = 1$$ follows', ['$$ x = 1']],
  ['\\[x = 1\\]', ['$$ x = 1']],
  ['\\[\na\n- b\n= c\n\\]', ['$$ a\n- b\n= c']],
  ['$$\n\\frac{a}{b}\n$$', ['$$ \\frac{a}{b}']],
  ['text\n$$\nx\n$$\nmore', ['$$ x']],
  ['1. first\n   $$\n   x\n   $$\n2. second', ['$$ x']],
  ['> \\[\n> x\n> \\]', ['$$ x']],
  ['- 结果\n\n  \\[ x \\]\n', ['$$ x']],
  ['$\\$5$', ['$ \\$5']],
  ['`$x$` and `\\(y\\)`', []],
  ['```\n$x$\n```', []],
  ['\\$x\\$', []],
  ['**重点**：$x$。', ['$ x']],
  ['| a | b |\n|---|---|\n| $x$ | \\(y\\) |', ['$ x', '$ y']],
  ['$$$', []],
  ['$$a$$ text\n$$b$$', ['$$ a', '$$ b']],
  ['_a $x_1$ b_', ['$ x_1']],
])('math in %j', (text, expected) => expect(formulas(text)).toEqual(expected))

test('math that a growing text cuts off is math', () => {
  expect(formulas('so \\(a_1', true)).toEqual(['$ a_1'])
  expect(formulas('\\[\n\\frac{a}', true)).toEqual(['$$ \\frac{a}'])
  expect(formulas('so \\(a_1')).toEqual([])
})

test('blocks are cut where nothing goes on', () => {
  expect(splitBlocks('a\n\nb\n# c\nd\n```\n\nx\n```\ne\n')).toEqual(['a\n\n', 'b\n', '# c\n', 'd\n', '```\n\nx\n```\n', 'e\n'])
  expect(splitBlocks('1. a\n\n2. b\n\n   c\n\nd')).toEqual(['1. a\n\n2. b\n\n   c\n\n', 'd'])
  expect(splitBlocks('\\[\na\n\nb\n\\]\n\nc')).toEqual(['\\[\na\n\nb\n\\]\n\n', 'c'])
  expect(splitBlocks('- a\n  ```\n\nx\n  ```\n')).toHaveLength(1)
})

const sample = '# Title\n\nSome *text* with $x$.\n\n1. one\n\n2. two\n\n```py\na = 1\n\nb = 2\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## Next\n\nSee [it][1].\n\n\\[\nx\n\\]\n\nEnd **bold**\n\n[1]: https://a.example/\n'

test('a text that grows by single characters ends as when it is there at once', () => {
  const growing = new Blocks()
  for (let end = 1; end <= sample.length; end++) growing.update(sample.slice(0, end), true)
  const grown = growing.update(sample, false)
  const once = new Blocks().update(sample, false)
  expect(grown.map(block => [block.text, block.outline])).toEqual(once.map(block => [block.text, block.outline]))
  expect(grown.map(block => JSON.stringify(block.tree))).toEqual(once.map(block => JSON.stringify(block.tree)))
})

test('finished blocks keep their identity while the end grows', () => {
  const blocks = new Blocks()
  const before = [...blocks.update('a\n\nb\n\nc\n\nd', true)]
  const after = blocks.update('a\n\nb\n\nc\n\nd and more', true)
  expect(after.slice(0, 3).every((block, index) => block === before[index])).toBe(true)
})

test('headings grow by one level, whatever the text says', () => {
  expect(['2', '24', '1'].map(path => path.length)).toEqual([1, 2, 1])
  expect(nest('', 3)).toBe('3')
  expect(nest('3', 5)).toBe('35')
  expect(nest('35', 2)).toBe('2')
})

test('a formula that was never closed is the same after streaming as in a fresh page', () => {
  const text = 'It becomes:\n\n$$6\\,\\mathrm{CO_2} \\to'
  const streamed = new Blocks()
  streamed.update(text, true)
  expect(streamed.update(text, false).map(({ tree }) => tree)).toEqual(new Blocks().update(text, false).map(({ tree }) => tree))
})
