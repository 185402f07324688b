import { Component, type ReactNode } from 'react'
import { catalogueOf, initialLanguage } from './language/language.tsx'

/** The last resort: a sentence and a way out instead of an empty page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }
  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true }
  }
  override render(): ReactNode {
    if (!this.state.failed) return this.props.children
    const t = catalogueOf(initialLanguage())
    return (
      <main className="splash">
        <p role="alert">{t.crashed}</p>
        <button type="button" className="primary" onClick={() => location.reload()}>
          {t.reload}
        </button>
      </main>
    )
  }
}
