import type { proto } from '@whiskeysockets/baileys'
import type { MessageContent, Place } from '#shared/content.ts'
import { clip, numberOf, present } from './content-parts.ts'

interface DescribedPlace {
  type: 'location'
  text: string | null
  content: MessageContent
}

/** A place that was sent once. Pure. */
export function readLocation(message: proto.Message.ILocationMessage | null | undefined): DescribedPlace {
  const place = placeOf(message)
  const words = [message?.name, message?.address].filter((part) => part).join(', ')
  return {
    type: 'location',
    text: clip(words || message?.comment || '', 4096) || null,
    content: place
      ? {
          location: {
            ...place,
            ...present('name', message?.name, 1024),
            ...present('address', message?.address, 1024),
            ...present('url', message?.url, 2048),
            ...(message?.isLive ? { live: liveOf(message) } : {}),
          },
        }
      : {},
  }
}

/** The first position of a place that goes on moving. Pure. */
export function readLiveLocation(message: proto.Message.ILiveLocationMessage | null | undefined): DescribedPlace {
  const place = placeOf(message)
  const sequence = numberOf(message?.sequenceNumber)
  const live = { ...liveOf(message ?? {}), ...(sequence === undefined ? {} : { sequence }) }
  return {
    type: 'location',
    text: message?.caption || null,
    content: place ? { location: { ...place, live } } : {},
  }
}

interface Position {
  degreesLatitude?: number | null
  degreesLongitude?: number | null
  accuracyInMeters?: number | null
  speedInMps?: number | null
  degreesClockwiseFromMagneticNorth?: number | null
}

/** Null when the message names no point on Earth. */
function placeOf(position: Position | null | undefined): Place | null {
  const latitude = position?.degreesLatitude ?? Number.NaN
  const longitude = position?.degreesLongitude ?? Number.NaN
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return null
  return { latitude, longitude, ...(position?.accuracyInMeters ? { accuracy: position.accuracyInMeters } : {}) }
}

function liveOf(position: Position): NonNullable<Place['live']> {
  return {
    ...(position.speedInMps ? { speed: position.speedInMps } : {}),
    ...(position.degreesClockwiseFromMagneticNorth ? { heading: position.degreesClockwiseFromMagneticNorth } : {}),
  }
}
