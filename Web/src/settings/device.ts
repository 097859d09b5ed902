/** "Firefox, Windows" of a browser's User-Agent; another program as it calls itself; null: it does not say. */
export function deviceName(agent: string | null): string | null {
  if (!agent) return null
  const browser = [
    ['Edg', 'Edge'],
    ['OPR', 'Opera'],
    ['Firefox', 'Firefox'],
    ['HeadlessChrome', 'Chrome'],
    ['Chrome', 'Chrome'],
    ['Safari', 'Safari'],
  ].find(([token]) => agent.includes(`${token}/`))?.[1]
  const system = [
    ['iPhone', 'iPhone'],
    ['iPad', 'iPad'],
    ['Android', 'Android'],
    ['Windows', 'Windows'],
    ['CrOS', 'ChromeOS'],
    ['Mac OS X', 'macOS'],
    ['Linux', 'Linux'],
  ].find(([token]) => agent.includes(token!))?.[1]
  if (browser && system) return `${browser}, ${system}`
  return browser ?? (agent.startsWith('Mozilla') ? system : undefined) ?? agent.split(' ')[0]!
}
