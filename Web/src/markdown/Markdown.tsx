interface MarkdownProps {
  text: string
  streaming?: boolean
  onCite?: (number: number) => void
}

export function Markdown({ text }: MarkdownProps) {
  return <p className="whitespace-pre-wrap">{text}</p>
}
