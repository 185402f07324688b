import { useState, type ReactNode } from 'react'
import { AddForm } from './add-form.tsx'
import type { Phone } from './control-client.ts'
import { Journal } from './journal.tsx'
import { PhoneTools } from './phone-tools.tsx'
import { SimulatedPhone } from './simulated-phone.tsx'
import { usePhones, useSimulation } from './simulation.tsx'
import { refusalSentence } from './sentences.ts'

/** The account owner's phone on the left, a contact's on the right: both sides of a conversation in one view. */
export function PhonesPage(): ReactNode {
  const { t, control, language, setLanguage } = useSimulation()
  const { data: phones, error } = usePhones()
  const [chosenMe, setMe] = useState<string | null>(null)
  const [chosenOther, setOther] = useState<string | null>(null)
  const me = phones?.find(({ number }) => number === chosenMe) ?? phones?.[0]
  const others = me && phones ? contactsOf(me, phones) : []
  const other = others.find(({ number }) => number === chosenOther) ?? others[0]
  const otherPhone = phones?.find(({ number }) => number === other?.number)

  return (
    <div className="desk">
      <header className="desk-header">
        <h1>{t.title}</h1>
        <p>{t.lead}</p>
        <button
          type="button"
          className="plain"
          lang={language === 'es' ? 'en' : 'es'}
          onClick={() => setLanguage(language === 'es' ? 'en' : 'es')}
        >
          {t.language}
        </button>
      </header>
      <main className="phones">
        {error && <p role="alert">{refusalSentence(error, t)}</p>}
        <section className="place" aria-label={t.myPhone}>
          <div className="chooser">
            <h2>{t.myPhone}</h2>
            {phones && phones.length > 0 && (
              <select aria-label={t.choosePhone} value={me?.number} onChange={(event) => setMe(event.target.value)}>
                {phones.map(({ number, name }) => (
                  <option key={number} value={number}>
                    {name} · +{number}
                  </option>
                ))}
              </select>
            )}
            <AddForm
              opener={t.newPhone}
              submit={t.create}
              withNumber={false}
              onAdd={async ({ name }) => setMe((await control.createPhone(name)).number)}
            />
          </div>
          {me && <SimulatedPhone key={me.number} phone={me} home={{ name: 'chats' }} />}
          {me && <PhoneTools phone={me} />}
          {phones?.length === 0 && <p className="hint">{t.noPhones}</p>}
        </section>
        {me && (
          <section className="place" aria-label={other ? t.asContact(other.name) : t.chooseContact}>
            <div className="chooser">
              <h2>{other ? t.asContact(other.name) : t.chooseContact}</h2>
              {others.length > 0 && (
                <select
                  aria-label={t.chooseContact}
                  value={other?.number}
                  onChange={(event) => setOther(event.target.value)}
                >
                  {others.map(({ number, name }) => (
                    <option key={number} value={number}>
                      {name} · +{number}
                    </option>
                  ))}
                </select>
              )}
              <AddForm
                opener={t.newContact}
                submit={t.add}
                withNumber
                onAdd={async (contact) => {
                  await control.addContact(me.number, contact)
                  setOther(contact.number)
                }}
              />
            </div>
            {otherPhone && (
              <SimulatedPhone
                key={`${otherPhone.number} ${me.number}`}
                phone={otherPhone}
                home={{ name: 'chat', other: me.number }}
              />
            )}
            {otherPhone && <PhoneTools phone={otherPhone} />}
          </section>
        )}
        <Journal />
      </main>
    </div>
  )
}

/** The saved contacts first, then whoever else there is. */
function contactsOf(me: Phone, phones: readonly Phone[]): { number: string; name: string }[] {
  const strangers = phones.filter(
    ({ number }) => number !== me.number && !me.contacts.some((contact) => contact.number === number),
  )
  return [...me.contacts, ...strangers].map(({ number, name }) => ({ number, name }))
}
