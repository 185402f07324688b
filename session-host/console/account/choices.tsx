import { useState, type ReactNode } from 'react'
import { useLanguage, type Language } from '../language/language.tsx'

const languages: Record<Language, string> = { es: 'Español', en: 'English' }

export function LanguageChoice(): ReactNode {
  const { t, language, setLanguage } = useLanguage()
  return (
    <fieldset className="segments">
      <legend>{t.language}</legend>
      {(['es', 'en'] as const).map((code) => (
        <label key={code} lang={code}>
          <input type="radio" name="language" checked={language === code} onChange={() => setLanguage(code)} />
          <span>{languages[code]}</span>
        </label>
      ))}
    </fieldset>
  )
}

type Theme = 'system' | 'light' | 'dark'
const themeKey = 'console.theme'

export function ThemeChoice(): ReactNode {
  const { t } = useLanguage()
  const [theme, setTheme] = useState<Theme>(storedTheme)
  function choose(chosen: Theme): void {
    setTheme(chosen)
    applyTheme(chosen)
  }
  return (
    <fieldset className="segments">
      <legend>{t.theme}</legend>
      {(['system', 'light', 'dark'] as const).map((name) => (
        <label key={name}>
          <input type="radio" name="theme" checked={theme === name} onChange={() => choose(name)} />
          <span>{t.themes[name]}</span>
        </label>
      ))}
    </fieldset>
  )
}

function applyTheme(theme: Theme): void {
  if (theme === 'system') {
    localStorage.removeItem(themeKey)
    delete document.documentElement.dataset['theme']
  } else {
    localStorage.setItem(themeKey, theme)
    document.documentElement.dataset['theme'] = theme
  }
}

function storedTheme(): Theme {
  const theme = localStorage.getItem(themeKey)
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}
