import type { ReactNode } from 'react'
import { errorSentence } from '../api/error-sentence.ts'
import { Icon } from '../icon.tsx'
import type { Catalogue } from '../language/catalogue-es.ts'
import { useLanguage } from '../language/language.tsx'
import { fileSize } from './file-size.ts'
import { UploadError } from './upload-file.ts'
import type { Attachments, TrayFile } from './use-attachments.ts'

/** The files that go with the next message: name, size, how far each is, and a way to take it back. */
export function AttachmentTray({ attachments }: { attachments: Attachments }): ReactNode {
  const { t, language } = useLanguage()
  return (
    <ul className="tray" aria-label={t.attachments}>
      {attachments.files.map(({ id, file, state, progress, error }) => (
        <li key={id} className={state === 'failed' ? 'tray-file failed' : 'tray-file'}>
          <Icon name={state === 'failed' ? 'alert' : 'document'} />
          <span className="tray-words">
            <bdi>{file.name}</bdi>
            <small>
              {fileSize(file.size, language)}
              {state === 'ready' && ` · ${t.filesReady}`}
            </small>
            {state === 'failed' && <small role="alert">{uploadSentence(error, file, t)}</small>}
          </span>
          {state === 'uploading' && (
            <progress value={progress} max={1} aria-label={t.uploading(file.name, Math.round(progress * 100))} />
          )}
          {state === 'failed' && (
            <button type="button" className="link" onClick={() => attachments.retry(id)}>
              {t.retry}
            </button>
          )}
          <button
            type="button"
            className="quiet"
            aria-label={t.removeFile(file.name)}
            onClick={() => attachments.remove(id)}
          >
            <Icon name="clear" />
          </button>
        </li>
      ))}
    </ul>
  )
}

function uploadSentence(error: TrayFile['error'], file: File, t: Catalogue): string {
  if (file.size === 0) return t.fileEmpty
  if (!(error instanceof UploadError)) return errorSentence(error, t)
  switch (error.kind) {
    case 'offline':
      return t.errors.offline
    case 'refused':
      return t.uploadRefused
    case 'other':
      return t.uploadFailed
    default:
      return error.kind satisfies never
  }
}
