import { numberText } from '@/ui/time'

const width = 600
const height = 80

/** Values over time as a line, the latest at the right. Its numbers stand beside it: the picture adds the course. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const top = Math.max(1, ...values)
  const step = width / Math.max(1, values.length - 1)
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(height - (value / top) * height).toFixed(1)}`).join(' ')
  return (
    <figure className="mt-4">
      <div className="flex items-stretch gap-3">
        <svg aria-hidden viewBox={`0 -2 ${width} ${height + 4}`} preserveAspectRatio="none" className="h-20 min-w-0 flex-1 text-accent">
          <polygon points={`0,${height} ${points} ${width},${height}`} fill="currentColor" opacity="0.12" />
          <polyline points={points} fill="none" stroke="currentColor" strokeWidth="2" vectorEffect="non-scaling-stroke" strokeLinejoin="round" />
        </svg>
        <div aria-hidden className="flex flex-col justify-between text-xs text-muted tabular-nums">
          <span>{numberText(Math.round(top * 10) / 10)}</span>
          <span>0</span>
        </div>
      </div>
      <figcaption className="text-sm text-muted">{label}</figcaption>
    </figure>
  )
}
