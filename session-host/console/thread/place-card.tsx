import type { ReactNode } from 'react'
import type { Place } from '#shared/content.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'

/** A place in words, with a link to a map; the map itself is loaded by nobody. */
export function PlaceCard({ place }: { place: Place }): ReactNode {
  const { t, language } = useLanguage()
  const degrees = (value: number): string => value.toLocaleString(language, { maximumFractionDigits: 5 })
  const map = `https://www.openstreetmap.org/?mlat=${place.latitude}&mlon=${place.longitude}#map=16/${place.latitude}/${place.longitude}`
  return (
    <div className="card" dir="auto">
      <p className="card-title">
        <Icon name="location" />
        {place.live ? t.liveLocation : t.kinds.location}
      </p>
      {place.name && <p>{place.name}</p>}
      {place.address && <p>{place.address}</p>}
      <a href={map} target="_blank" rel="noopener noreferrer nofollow">
        {degrees(place.latitude)}, {degrees(place.longitude)}
      </a>
    </div>
  )
}
