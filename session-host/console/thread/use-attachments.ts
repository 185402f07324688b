import { useCallback, useEffect, useRef, useState } from 'react'
import { useParts } from '../parts.ts'
import { UploadError, uploadFile } from './upload-file.ts'

/** A file in the tray. */
export interface TrayFile {
  id: string
  file: File
  /** From 0 to 1. */
  progress: number
  state: 'uploading' | 'ready' | 'failed'
  /** In the user's folder; null until it is there. */
  path: string | null
  error: unknown
}

export interface Attachments {
  files: readonly TrayFile[]
  add: (files: Iterable<File>) => void
  remove: (id: string) => void
  retry: (id: string) => void
  /** Empties the tray; what was in it belongs to a message now. */
  clear: () => void
}

/** As many as the API takes in one message. */
export const maxFiles = 30

/** The files that wait beside the composer: each is uploaded at once, and taken back when it is removed or the chat is left. */
export function useAttachments(): Attachments {
  const { rest } = useParts()
  const [files, setFiles] = useState<readonly TrayFile[]>([])
  const running = useRef(new Map<string, AbortController>())
  useEffect(() => {
    const uploads = running.current
    return () => {
      for (const upload of uploads.values()) upload.abort()
    }
  }, [])

  const change = useCallback((id: string, part: Partial<TrayFile>): void => {
    setFiles((all) => all.map((each) => (each.id === id ? { ...each, ...part } : each)))
  }, [])

  const start = useCallback(
    async (id: string, file: File): Promise<void> => {
      const upload = new AbortController()
      running.current.set(id, upload)
      change(id, { state: 'uploading', progress: 0, error: null })
      try {
        if (file.size === 0) throw new UploadError('refused')
        const { path, url } = await rest.upload(file.name.slice(-255) || 'file', upload.signal)
        const onProgress = (progress: number): void => change(id, { progress })
        await uploadFile(url, file, { signal: upload.signal, onProgress })
        change(id, { state: 'ready', progress: 1, path })
      } catch (error) {
        if (!upload.signal.aborted) change(id, { state: 'failed', error })
      } finally {
        running.current.delete(id)
      }
    },
    [rest, change],
  )

  return {
    files,
    add: (added) => {
      const news = [...added].slice(0, maxFiles - files.length).map((file) => newFile(file))
      setFiles((all) => [...all, ...news])
      for (const { id, file } of news) void start(id, file)
    },
    remove: (id) => {
      running.current.get(id)?.abort()
      setFiles((all) => all.filter((each) => each.id !== id))
    },
    retry: (id) => {
      const found = files.find((each) => each.id === id)
      if (found?.state === 'failed') void start(id, found.file)
    },
    clear: () => setFiles([]),
  }
}

function newFile(file: File): TrayFile {
  return { id: crypto.randomUUID(), file, progress: 0, state: 'uploading', path: null, error: null }
}
