import type { ReactNode } from 'react'
import { Dialog } from '../dialog.tsx'

/** A picture as large as the window. */
export function PictureViewer(props: { url: string; name: string; onClose: () => void }): ReactNode {
  return (
    <Dialog title={props.name} onClose={props.onClose} wide>
      <img className="large-picture" src={props.url} alt={props.name} />
    </Dialog>
  )
}
