import type { ReactNode } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import type { GroupMember } from '#shared/group.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { Avatar } from '../chats/avatar.tsx'
import { conversationName, phoneFormat } from '../chats/conversation-name.ts'
import { Dialog } from '../dialog.tsx'
import { useLanguage } from '../language/language.tsx'
import { useObservable } from '../live/observable.ts'
import { useGroup } from './use-group.ts'

/** What a group is about, its rules, and who is in it with which role. */
export function GroupDialog({ conversation, onClose }: { conversation: Conversation; onClose: () => void }): ReactNode {
  const { t } = useLanguage()
  const { data: group, error, refetch } = useGroup(conversation.id, true)
  return (
    <Dialog title={conversationName(conversation, t)} onClose={onClose}>
      {error ? (
        <div role="alert" className="stack">
          <p className="problem">{errorSentence(error, t)}</p>
          <button type="button" className="secondary" onClick={() => void refetch()}>
            {t.retry}
          </button>
        </div>
      ) : !group ? (
        <p role="status">{t.loading}</p>
      ) : (
        <>
          {group.description && (
            <section>
              <h3>{t.description}</h3>
              <p className="group-description" dir="auto">
                {group.description}
              </p>
            </section>
          )}
          {group.left_at !== null && <p className="problem">{t.leftGroup}</p>}
          {group.only_admins_send && <p className="hint">{t.onlyAdminsSend}</p>}
          {group.only_admins_edit && <p className="hint">{t.onlyAdminsEdit}</p>}
          <section>
            <h3 id="members-title">{t.members(group.size)}</h3>
            {!group.complete && <p className="hint">{t.membersIncomplete}</p>}
            <ul className="members" aria-labelledby="members-title">
              {group.participants.map((member) => (
                <Member key={member.jid} member={member} />
              ))}
            </ul>
          </section>
        </>
      )}
    </Dialog>
  )
}

function Member({ member }: { member: GroupMember }): ReactNode {
  const { t } = useLanguage()
  const format = useObservable(phoneFormat)
  const number = member.phone === null ? '' : format(member.phone)
  const name = member.is_me ? t.you : (member.name ?? (number === '' ? t.somebody : number))
  return (
    <li>
      <Avatar name={name} id={member.contact_id ?? member.jid} photo={null} />
      <span className="member-words">
        <bdi>{name}</bdi>
        {number !== '' && number !== name && (
          <small>
            <bdi>{number}</bdi>
          </small>
        )}
      </span>
      {member.role !== 'member' && <span className="role">{t.roles[member.role]}</span>}
    </li>
  )
}
