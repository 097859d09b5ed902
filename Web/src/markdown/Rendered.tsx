import { memo, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { cx } from '@/ui/class'
import { Blocks, type Block } from './blocks'
import type { MarkdownProps } from './Markdown'
import { Citing } from './cite'
import './markdown.css'
import { renderBlock } from './render'
import { useThrottled } from './useThrottled'

export default function Rendered({ text, streaming = false, onCite, sources, level = 3, className }: MarkdownProps) {
  // Loaded here, once, instead of in each part.
  useTranslation('markdown')
  const [blocks] = useState(() => new Blocks())
  const shown = useThrottled(text, streaming)
  const cite = useMemo(() => (onCite ? { onCite, sources: sources ?? Infinity } : null), [onCite, sources])
  const parts = blocks.update(shown, streaming)
  return (
    <Citing value={cite}>
      <div className={cx('markdown', className)}>
        {parts.map((block, index) => (
          <Part key={index} block={block} level={level} />
        ))}
      </div>
    </Citing>
  )
}

const Part = memo(function Part({ block, level }: { block: Block; level: number }) {
  return renderBlock(block, level)
})
