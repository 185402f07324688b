import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react'
import { createControlClient, type ControlClient } from './control-client.ts'
import { sentences, type Language, type Sentences } from './sentences.ts'

/** A line of the journal: a request that this page made, or an event of the simulator. */
export interface JournalLine {
  id: string
  at: Date
  kind: 'request' | 'event'
  text: string
}

interface Simulation {
  control: ControlClient
  journal: readonly JournalLine[]
  t: Sentences
  language: Language
  setLanguage: (language: Language) => void
}

const SimulationContext = createContext<Simulation | null>(null)

/** What the page shares: the control API, the live events that keep everything fresh, the journal and the language. */
export function SimulationProvider({ children }: { children: ReactNode }): ReactNode {
  const [queryClient] = useState(() => new QueryClient({ defaultOptions: { queries: { retry: 1 } } }))
  const [journal, setJournal] = useState<readonly JournalLine[]>([])
  const [language, setLanguage] = useState<Language>(initialLanguage)
  const [control] = useState(() =>
    createControlClient(({ method, path, body }) => {
      const text = `${method} ${path} ${JSON.stringify(shortened(body))}`
      setJournal((lines) => add(lines, { id: crypto.randomUUID(), at: new Date(), kind: 'request', text }))
    }),
  )
  useEffect(() => {
    const source = new EventSource('/events')
    // A connection that was away may have missed something.
    source.onopen = () => void queryClient.invalidateQueries()
    source.onmessage = ({ data }: MessageEvent<string>) => {
      const event = JSON.parse(data) as { id: number; type: string; at: number; number: string }
      void queryClient.invalidateQueries({ queryKey: [event.type === 'camera.changed' ? 'camera' : 'phones'] })
      const text = [event.type, event.number].filter(Boolean).join(' · ')
      setJournal((lines) => add(lines, { id: String(event.id), at: new Date(event.at), kind: 'event', text }))
    }
    return () => source.close()
  }, [queryClient])
  useEffect(() => {
    document.documentElement.lang = language
    document.title = sentences[language].title
    localStorage.setItem('phone.language', language)
  }, [language])
  const value = useMemo(
    () => ({ control, journal, t: sentences[language], language, setLanguage }),
    [control, journal, language],
  )
  return (
    <QueryClientProvider client={queryClient}>
      <SimulationContext value={value}>{children}</SimulationContext>
    </QueryClientProvider>
  )
}

export function useSimulation(): Simulation {
  const simulation = use(SimulationContext)
  if (!simulation) throw new Error('useSimulation is for components inside SimulationProvider')
  return simulation
}

/** Every phone there is; asked anew at each event. */
export function usePhones() {
  const { control } = useSimulation()
  return useQuery({ queryKey: ['phones'], queryFn: control.phones })
}

const journalLength = 60

function add(lines: readonly JournalLine[], line: JournalLine): readonly JournalLine[] {
  if (lines.some(({ id }) => id === line.id)) return lines
  return [...lines, line].slice(-journalLength)
}

/** Pictures are long and a QR is a secret: neither belongs in a journal. */
function shortened(body: object): object {
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key, key === 'image' || key === 'qr' ? '…' : (value as unknown)]),
  )
}

function initialLanguage(): Language {
  return (localStorage.getItem('phone.language') ?? navigator.language.slice(0, 2)) === 'en' ? 'en' : 'es'
}
