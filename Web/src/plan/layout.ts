/** Where each concept and each line of the map stands, in px. */
export interface GraphLayout {
  width: number
  height: number
  nodeWidth: number
  nodeHeight: number
  nodes: { id: string; x: number; y: number }[]
  edges: { from: string; to: string; path: string }[]
}

const nodeWidth = 168
const nodeHeight = 76

/** Lays concepts out in ranks, prerequisites above what needs them. dagre is loaded with the first map. */
export async function layOut(concepts: readonly { id: string; prerequisites: readonly string[] }[]): Promise<GraphLayout> {
  const { Graph, layout } = await import('@dagrejs/dagre')
  const graph = new Graph()
  graph.setGraph({ rankdir: 'TB', nodesep: 20, ranksep: 44, marginx: 4, marginy: 4 })
  graph.setDefaultEdgeLabel(() => ({}))
  const known = new Set(concepts.map(one => one.id))
  for (const one of concepts) graph.setNode(one.id, { width: nodeWidth, height: nodeHeight })
  for (const one of concepts) for (const needed of one.prerequisites) if (known.has(needed)) graph.setEdge(needed, one.id)
  layout(graph)
  const size = graph.graph() as { width?: number; height?: number }
  return {
    width: size.width ?? 0,
    height: size.height ?? 0,
    nodeWidth,
    nodeHeight,
    nodes: concepts.map(({ id }) => {
      const { x, y } = graph.node(id) as { x: number; y: number }
      return { id, x: x - nodeWidth / 2, y: y - nodeHeight / 2 }
    }),
    edges: graph.edges().map(edge => ({ from: edge.v, to: edge.w, path: smooth((graph.edge(edge) as { points: Point[] }).points) })),
  }
}

interface Point {
  x: number
  y: number
}

/** A curve through the middles of a line's pieces. */
function smooth(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (!first || rest.length === 0) return ''
  const round = (value: number) => Math.round(value * 10) / 10
  let path = `M${round(first.x)},${round(first.y)}`
  rest.forEach((point, index) => {
    const next = rest[index + 1]
    path += next
      ? `Q${round(point.x)},${round(point.y)} ${round((point.x + next.x) / 2)},${round((point.y + next.y) / 2)}`
      : `L${round(point.x)},${round(point.y)}`
  })
  return path
}
