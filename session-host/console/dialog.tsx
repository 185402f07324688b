import { useEffect, useRef, type ReactNode } from 'react'
import { Icon } from './icon.tsx'
import { useLanguage } from './language/language.tsx'

/** A modal dialog. Mounted means open; Escape, the backdrop and the close button ask the owner to unmount it. */
export function Dialog(props: { title: string; onClose: () => void; children: ReactNode; wide?: boolean }): ReactNode {
  const { t } = useLanguage()
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const dialog = element.current
    const opener = document.activeElement
    dialog?.showModal()
    return () => {
      dialog?.close()
      if (opener instanceof HTMLElement) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={element}
      className={props.wide ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault()
        props.onClose()
      }}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) props.onClose()
      }}
    >
      <div className="dialog-body">
        <header>
          <h2 id="dialog-title">{props.title}</h2>
          <button type="button" className="quiet" aria-label={t.close} onClick={props.onClose}>
            <Icon name="clear" />
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  )
}
