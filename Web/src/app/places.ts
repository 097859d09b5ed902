import { useQuery } from '@tanstack/react-query'
import { BookOpen, CalendarDays, GraduationCap, House, MessagesSquare, Mic, Settings, SlidersHorizontal, type LucideIcon } from 'lucide-react'
import { meQuery } from '@/api/queries'

export interface Place {
  to: string
  /** Its word in `app.json`, under `place`. */
  name: string
  /** The second key of its shortcut, after `g`. */
  letter: string
  icon: LucideIcon
}

const today: Place = { to: '/', name: 'today', letter: 't', icon: House }
const chat: Place = { to: '/c', name: 'chat', letter: 'c', icon: MessagesSquare }
const live: Place = { to: '/live', name: 'live', letter: 'l', icon: Mic }
const plans: Place = { to: '/plans', name: 'plans', letter: 'p', icon: CalendarDays }
const practice: Place = { to: '/practice', name: 'practice', letter: 'r', icon: BookOpen }
const teach: Place = { to: '/teach', name: 'teach', letter: 'k', icon: GraduationCap }
const operate: Place = { to: '/operate', name: 'operate', letter: 'o', icon: SlidersHorizontal }
const settings: Place = { to: '/settings', name: 'settings', letter: 's', icon: Settings }

/** Where this person can go: `learning` first, then the others; on a phone `bar` stands at the bottom and `more` in a sheet. */
export function usePlaces() {
  const me = useQuery(meQuery).data
  const others = [...(me && me.role !== 'student' ? [teach] : []), ...(me?.scopes.includes('ops') ? [operate] : []), settings]
  return { learning: [today, chat, live, plans, practice], others, bar: [today, chat, practice, plans], more: [live, ...others] }
}
