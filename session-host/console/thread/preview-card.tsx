import type { ReactNode } from 'react'
import type { LinkPreview } from '#shared/content.ts'

/** A link's card as its sender made it: nothing is fetched, and only http addresses can be followed. */
export function PreviewCard({ preview }: { preview: LinkPreview }): ReactNode {
  const url = URL.parse(preview.url)
  const host = url && /^https?:$/.test(url.protocol) ? url.hostname : null
  const body = (
    <>
      {preview.thumbnail && <img src={`data:image/jpeg;base64,${preview.thumbnail}`} alt="" />}
      <span>
        {preview.title && <strong>{preview.title}</strong>}
        {preview.description && <span>{preview.description}</span>}
        {host && <small>{host}</small>}
      </span>
    </>
  )
  return host === null ? (
    <div className="preview" dir="auto">
      {body}
    </div>
  ) : (
    <a className="preview" dir="auto" href={url?.href} target="_blank" rel="noopener noreferrer nofollow">
      {body}
    </a>
  )
}
