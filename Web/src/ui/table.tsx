import type { ReactNode, TdHTMLAttributes, ThHTMLAttributes } from 'react'
import { cx } from './class'

/** A table that scrolls sideways by itself where it is too wide, by keyboard too. `caption` is its name for screen readers; `top`: cells of several lines begin at the same height. */
export function Table({ caption, head, top = false, children }: { caption: string; head: ReactNode; top?: boolean; children: ReactNode }) {
  return (
    // A region that scrolls must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div role="region" aria-label={caption} tabIndex={0} className="relative overflow-x-auto rounded-card border border-line bg-raised">
      <table className={cx('w-full border-collapse text-sm wrap-break-word', top ? '[&_td]:align-top [&_th]:align-top' : '[&_td]:align-middle [&_th]:align-middle')}>
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b border-line text-start text-muted">{head}</tr>
        </thead>
        <tbody className="[&>tr:last-child]:border-0 [&>tr]:border-b [&>tr]:border-line">{children}</tbody>
      </table>
    </div>
  )
}

export function Th({ end, className, ...rest }: ThHTMLAttributes<HTMLTableCellElement> & { end?: boolean }) {
  return <th scope="col" {...rest} className={cx('px-4 py-2.5 font-medium whitespace-nowrap', end ? 'text-end' : 'text-start', className)} />
}

/** `end` for numbers: they stand under each other. */
export function Td({ end, className, ...rest }: TdHTMLAttributes<HTMLTableCellElement> & { end?: boolean }) {
  return <td {...rest} className={cx('px-4 py-2.5', end && 'text-end whitespace-nowrap tabular-nums', className)} />
}

/** The cell that names its row. */
export function RowHead({ className, ...rest }: ThHTMLAttributes<HTMLTableCellElement>) {
  return <th scope="row" {...rest} className={cx('px-4 py-2.5 text-start font-medium', className)} />
}
