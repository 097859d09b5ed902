import i18next from 'i18next'

const units = ['kilobyte', 'megabyte', 'gigabyte'] as const

/** "3.4 MB", in the page's language; 1 kB is 1,024 bytes. */
export function bytesText(bytes: number): string {
  let step = 0
  let amount = bytes / 1024
  while (amount >= 1024 && step < units.length - 1) {
    amount /= 1024
    step++
  }
  return new Intl.NumberFormat(i18next.language, { style: 'unit', unit: units[step], maximumFractionDigits: amount < 10 ? 1 : 0 }).format(amount)
}

/** 0.63 as "63%". */
export const percentText = (share: number): string =>
  new Intl.NumberFormat(i18next.language, { style: 'percent', maximumFractionDigits: 0 }).format(share)

/** An amount of money, in the page's language; `currency` is a code such as EUR. */
export const moneyText = (amount: number, currency: string): string => new Intl.NumberFormat(i18next.language, { style: 'currency', currency }).format(amount)
