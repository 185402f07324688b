import type { ReactNode } from 'react'
import type { ContactCard } from '#shared/content.ts'
import { Icon } from '../icon.tsx'

/** Shared contacts: names and numbers as they were sent. */
export function ContactCards({ cards }: { cards: readonly ContactCard[] }): ReactNode {
  return (
    <ul className="cards">
      {cards.map((card, index) => (
        <li key={index} className="card" dir="auto">
          <p className="card-title">
            <Icon name="contact" />
            <bdi>{card.name}</bdi>
          </p>
          {card.phones.map((phone) => (
            <p key={phone}>
              <bdi>{phone}</bdi>
            </p>
          ))}
        </li>
      ))}
    </ul>
  )
}
