import { useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { clock } from './clock.ts'

const bars = 64
const stepSeconds = 5
const speeds = [1, 1.5, 2]

/** Plays a sound: the message's own waveform as a slider, one at a time, at three speeds. */
export function VoicePlayer(props: { message: Message; url: string | null; onBroken: () => void }): ReactNode {
  const { t } = useLanguage()
  const { message, url } = props
  const audio = useRef<HTMLAudioElement>(null)
  const [playing, setPlaying] = useState(false)
  const [at, setAt] = useState(0)
  const [speed, setSpeed] = useState(1)
  const [length, setLength] = useState(message.media_duration_seconds ?? 0)
  const waveform = message.media_waveform ?? []

  function seek(seconds: number): void {
    const to = Math.max(0, Math.min(length, seconds))
    if (audio.current) audio.current.currentTime = to
    setAt(to)
  }

  function toggle(): void {
    const element = audio.current
    if (!element) return
    if (!element.paused) return element.pause()
    for (const other of document.querySelectorAll('audio')) if (other !== element) other.pause()
    element.playbackRate = speed
    element.play().catch(props.onBroken)
  }

  function onKeyDown(event: KeyboardEvent): void {
    const to = {
      ArrowRight: at + stepSeconds,
      ArrowUp: at + stepSeconds,
      ArrowLeft: at - stepSeconds,
      ArrowDown: at - stepSeconds,
      Home: 0,
      End: length,
    }[event.key]
    if (to === undefined) return
    event.preventDefault()
    seek(to)
  }

  function onPointer(event: PointerEvent<HTMLDivElement>): void {
    const box = event.currentTarget.getBoundingClientRect()
    const share = (event.clientX - box.left) / box.width
    seek((getComputedStyle(event.currentTarget).direction === 'rtl' ? 1 - share : share) * length)
  }

  return (
    <div className="voice">
      <button
        type="button"
        className="quiet"
        aria-label={playing ? t.pause : t.play}
        disabled={url === null}
        onClick={toggle}
      >
        <Icon name={playing ? 'pause' : 'play'} />
      </button>
      <div
        className="waveform"
        role="slider"
        tabIndex={0}
        aria-label={message.content.voice_note ? t.voiceNote : t.kinds.audio}
        aria-valuemin={0}
        aria-valuemax={Math.round(length)}
        aria-valuenow={Math.round(at)}
        aria-valuetext={t.playedOf(clock(at), clock(length))}
        onKeyDown={onKeyDown}
        onPointerDown={onPointer}
      >
        <svg viewBox={`0 0 ${bars * 3} 32`} preserveAspectRatio="none" aria-hidden="true">
          {Array.from({ length: bars }, (_, bar) => {
            const loud = waveform[Math.floor((bar * waveform.length) / bars)] ?? 12
            const height = Math.max(2, (loud / 100) * 30)
            const done = length > 0 && (bar + 0.5) / bars <= at / length
            return (
              <rect
                key={bar}
                className={done ? 'heard' : ''}
                x={bar * 3}
                y={16 - height / 2}
                width={2}
                height={height}
                rx={1}
              />
            )
          })}
        </svg>
      </div>
      <span className="voice-time">{clock(playing || at > 0 ? at : length)}</span>
      <button
        type="button"
        className="quiet speed"
        aria-label={t.speed(String(speed))}
        onClick={() => {
          const next = speeds[(speeds.indexOf(speed) + 1) % speeds.length] ?? 1
          setSpeed(next)
          if (audio.current) audio.current.playbackRate = next
        }}
      >
        {speed}×
      </button>
      {url !== null && (
        // oxlint-disable-next-line jsx-a11y/media-has-caption -- nobody transcribes a contact's voice note
        <audio
          ref={audio}
          src={url}
          preload="none"
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onEnded={() => seek(0)}
          onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)}
          onLoadedMetadata={(event) => {
            const { duration } = event.currentTarget
            if (Number.isFinite(duration) && duration > 0) setLength(duration)
          }}
          onError={props.onBroken}
        />
      )}
    </div>
  )
}
