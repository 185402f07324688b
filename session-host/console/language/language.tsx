import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react'
import { en } from './catalogue-en.ts'
import { es, type Catalogue } from './catalogue-es.ts'

export type Language = 'es' | 'en'

const storageKey = 'console.language'

interface LanguageValue {
  language: Language
  t: Catalogue
  setLanguage: (language: Language) => void
}

const LanguageContext = createContext<LanguageValue>({ language: 'es', t: es, setLanguage: () => undefined })

/** The chosen language, or else the browser's, or else Spanish. */
export function initialLanguage(): Language {
  const chosen = localStorage.getItem(storageKey) ?? navigator.language.slice(0, 2)
  return chosen === 'en' ? 'en' : 'es'
}

export function LanguageProvider({ children }: { children: ReactNode }): ReactNode {
  const [language, setLanguage] = useState(initialLanguage)
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const value = useMemo(
    () => ({
      language,
      t: catalogueOf(language),
      setLanguage: (chosen: Language) => {
        localStorage.setItem(storageKey, chosen)
        setLanguage(chosen)
      },
    }),
    [language],
  )
  return <LanguageContext value={value}>{children}</LanguageContext>
}

/** The sentences of the current language (`t`), its code, and how to change it. */
export function useLanguage(): LanguageValue {
  return use(LanguageContext)
}

export function catalogueOf(language: Language): Catalogue {
  return language === 'en' ? en : es
}
