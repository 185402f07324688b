import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'

export interface MenuItem {
  /** What it does, in words. */
  name: string
  /** Shown instead of the name, for what is a sign by itself. */
  sign?: string
  icon?: IconName
  /** For what is on or off. */
  checked?: boolean
  danger?: boolean
  onChoose: () => void
}

/**
 * A button with a menu after the pattern of the ARIA Authoring Practices: arrows, Home and End move, Escape and Tab leave. The menu is in
 * the top layer, so that no scroller cuts it.
 */
export function Menu(props: {
  name: string
  className?: string
  tabIndex?: number
  items: () => MenuItem[]
  onOpen?: () => void
}): ReactNode {
  const [open, setOpen] = useState(false)
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  return (
    <>
      <button
        ref={button}
        type="button"
        className={`quiet menu-button ${props.className ?? ''}`}
        aria-label={props.name}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        tabIndex={props.tabIndex}
        onClick={() => setOpen(!open)}
      >
        <Icon name="more" />
      </button>
      {open && (
        <OpenMenu
          id={id}
          name={props.name}
          items={props.items()}
          opener={() => button.current}
          onClose={(back) => {
            setOpen(false)
            if (back) button.current?.focus()
          }}
        />
      )}
    </>
  )
}

function OpenMenu(props: {
  id: string
  name: string
  items: MenuItem[]
  opener: () => HTMLElement | null
  onClose: (backToOpener: boolean) => void
}): ReactNode {
  const menu = useRef<HTMLDivElement>(null)
  const { opener, onClose } = props
  useLayoutEffect(() => {
    const [element, from] = [menu.current, opener()]
    if (!element || !from) return
    element.showPopover()
    place(element, from.getBoundingClientRect())
    element.querySelector<HTMLElement>('button')?.focus()
    // Once, when it opens: its owner makes new functions at each render.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [])
  useEffect(() => {
    const leave = (event: Event): void => {
      const inside =
        event.target instanceof Node && (menu.current?.contains(event.target) || opener()?.contains(event.target))
      if (!inside) onClose(false)
    }
    document.addEventListener('pointerdown', leave)
    document.addEventListener('wheel', leave, { passive: true })
    window.addEventListener('resize', leave)
    return () => {
      document.removeEventListener('pointerdown', leave)
      document.removeEventListener('wheel', leave)
      window.removeEventListener('resize', leave)
    }
  }, [opener, onClose])

  function move(event: KeyboardEvent): void {
    event.stopPropagation()
    const all = [...(menu.current?.querySelectorAll('button') ?? [])]
    const at = all.findIndex((each) => each === document.activeElement)
    const to = {
      ArrowDown: at + 1,
      ArrowRight: at + 1,
      ArrowUp: at - 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: all.length - 1,
    }[event.key]
    if (to !== undefined) {
      event.preventDefault()
      all.at(to % all.length)?.focus()
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault()
      onClose(true)
    }
  }

  const signs = props.items.filter(({ sign }) => sign !== undefined)
  return (
    <div
      ref={menu}
      id={props.id}
      className="menu"
      popover="manual"
      role="menu"
      aria-label={props.name}
      onKeyDown={move}
    >
      {signs.length > 0 && (
        <div className="menu-signs" role="group">
          {signs.map((item) => (
            <Choice key={item.name} item={item} onClose={onClose} />
          ))}
        </div>
      )}
      {props.items
        .filter(({ sign }) => sign === undefined)
        .map((item) => (
          <Choice key={item.name} item={item} onClose={onClose} />
        ))}
    </div>
  )
}

function Choice({ item, onClose }: { item: MenuItem; onClose: (back: boolean) => void }): ReactNode {
  const { name, sign, icon, checked, danger } = item
  return (
    <button
      type="button"
      role={checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
      aria-checked={checked}
      aria-label={sign === undefined ? undefined : name}
      title={sign === undefined ? undefined : name}
      className={danger ? 'menu-item danger-item' : 'menu-item'}
      tabIndex={-1}
      onClick={() => {
        onClose(true)
        item.onChoose()
      }}
    >
      {icon && <Icon name={icon} />}
      {sign ?? name}
    </button>
  )
}

/** Below the button, or above where there is more room; never outside the window. */
function place(menu: HTMLElement, from: DOMRect): void {
  const { width, height } = menu.getBoundingClientRect()
  const below = from.bottom + height + 8 <= innerHeight
  const top = below ? from.bottom + 4 : Math.max(8, from.top - height - 4)
  const left = from.left + width + 8 <= innerWidth ? from.left : from.right - width
  menu.style.top = `${top}px`
  menu.style.left = `${Math.max(8, left)}px`
}
