import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRef, useState, type ClipboardEvent, type DragEvent, type FormEvent, type ReactNode } from 'react'
import { AppBar } from './app-bar.tsx'
import type { Phone, ScanSource } from './control-client.ts'
import { refusalSentence } from './sentences.ts'
import { useSimulation } from './simulation.tsx'

/** The camera: what is in front of it, a button to scan it, and other ways to give it a code. */
export function ScanScreen({
  phone,
  onDone,
  onTypeCode,
}: {
  phone: Phone
  onDone: () => void
  onTypeCode: () => void
}): ReactNode {
  const { t, control } = useSimulation()
  const queryClient = useQueryClient()
  const { data: image } = useQuery({ queryKey: ['camera'], queryFn: control.camera })
  const scan = useMutation({
    mutationFn: (source: ScanSource) => control.scan(phone.number, source),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['phones'] })
      onDone()
    },
  })
  async function scanFile(file: File | null | undefined): Promise<void> {
    if (file?.type.startsWith('image/')) scan.mutate({ image: await dataUrlOf(file) })
  }
  function drop(event: DragEvent): void {
    event.preventDefault()
    void scanFile(event.dataTransfer.files[0])
  }
  function paste(event: ClipboardEvent): void {
    const [file] = event.clipboardData.files
    if (!file) return
    event.preventDefault()
    void scanFile(file)
  }
  return (
    <>
      <AppBar title={t.scanQr} onBack={onDone} />
      <div className="screen-body scan" onDragOver={(event) => event.preventDefault()} onDrop={drop} onPaste={paste}>
        <div className="viewfinder">
          {image ? <img src={image} alt={t.viewfinder} /> : <p>{t.nothingInView}</p>}
          <span className="corners" aria-hidden="true" />
        </div>
        <p className="visually-hidden" role="status">
          {image ? t.somethingInView : ''}
        </p>
        <button
          type="button"
          className="wide"
          aria-disabled={scan.isPending}
          onClick={() => scan.isPending || scan.mutate({ camera: true })}
        >
          {scan.isPending ? t.scanning : t.scan}
        </button>
        <div role="alert">{scan.error && <p className="refusal">{refusalSentence(scan.error, t)}</p>}</div>
        <button type="button" className="plain" onClick={onTypeCode}>
          {t.typeCode}
        </button>
        <OtherWays onText={(qr) => scan.mutate({ qr })} onFile={(file) => void scanFile(file)} />
      </div>
    </>
  )
}

function OtherWays({
  onText,
  onFile,
}: {
  onText: (text: string) => void
  onFile: (file: File | undefined) => void
}): ReactNode {
  const { t } = useSimulation()
  const [text, setText] = useState('')
  const input = useRef<HTMLInputElement>(null)
  function submit(event: FormEvent): void {
    event.preventDefault()
    if (text.trim() !== '') onText(text.trim())
  }
  return (
    <details className="other-ways">
      <summary>{t.otherWays}</summary>
      <form onSubmit={submit}>
        <textarea
          rows={3}
          aria-label={t.qrText}
          placeholder={t.qrText}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit">{t.scanText}</button>
      </form>
      <label>
        {t.qrImage}
        <input
          ref={input}
          type="file"
          accept="image/png"
          onChange={(event) => {
            onFile(event.target.files?.[0])
            event.target.value = ''
          }}
        />
      </label>
    </details>
  )
}

function dataUrlOf(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(typeof reader.result === 'string' ? reader.result : '')
    reader.onerror = () => reject(reader.error ?? new Error('unreadable file'))
    reader.readAsDataURL(file)
  })
}
