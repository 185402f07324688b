import type { ReactNode } from 'react'

const paths = {
  back: 'M15 5l-7 7 7 7',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4.500 4.500',
  clear: 'M6 6l12 12M18 6 6 18',
  compose: 'M12 6v12M6 12h12',
  settings: 'M4 7h9m5 0h2M4 17h2m5 0h9M15.500 4.500v5M8.500 14.500v5',
  send: 'M5 12h13M12 5l7 7-7 7',
  down: 'M12 5v14M5 12l7 7 7-7',
  more: 'M12 5.500v.01M12 12v.01M12 18.500v.01',
  reply: 'M10 6 4 12l6 6M4.500 12H14a6 6 0 0 1 6 6',
  forward: 'M14 6l6 6-6 6M19.500 12H10a6 6 0 0 0-6 6',
  edit: 'M4 20l1-4L16 5l3 3L8 19ZM14 7l3 3',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  attach: 'M20 11l-8.500 8.500a5 5 0 0 1-7-7L13 4a3.500 3.500 0 0 1 5 5l-8.500 8.500a2 2 0 0 1-3-3L14 7',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  pin: 'M9 4h6l-1 6 4 4H6l4-4ZM12 14v6',
  mute: 'M4 4l16 16M8 8v6H6l1 2h9M10 5.500A4 4 0 0 1 16 9v4M10.500 19h3',
  unread: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z',
  people:
    'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Zm-6 9c.5-3.600 2.800-5.500 6-5.500s5.500 1.900 6 5.500M16 4.500a3.500 3.500 0 0 1 0 6.500M18 15c1.700.8 2.700 2.500 3 5',
  archive: 'M4 8h16v11H4zM3 4h18v4H3zM10 12h4',
  text: 'M5 5h14M5 10h14M5 15h9M5 20h6',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 4v4.500l3 1.800',
  alert: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 4v5m0 3v.01',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9v.01',
  audio: 'M9 9v6m3-9v12m3-8v4m3-6v8M6 11v2',
  video: 'M3 6h12v12H3zM15 10l6-3v10l-6-3',
  document: 'M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6',
  location: 'M12 21s7-6 7-11a7 7 0 0 0-14 0c0 5 7 11 7 11Zm0-8.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z',
  contact: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8c.6-3.600 3.400-5.500 7-5.500s6.400 1.900 7 5.500',
  poll: 'M5 20V10m7 10V4m7 16v-7',
  play: 'M7 5l12 7-12 7Z',
  pause: 'M8 5v14M16 5v14',
  unlink: 'M9 15l6-6M10.500 6.500 13 4a5 5 0 0 1 7 7l-2.500 2.500M13.500 17.500 11 20a5 5 0 0 1-7-7l2.500-2.500',
  leave: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  eye: 'M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12ZM12 14.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600Z',
  hidden:
    'M4 4l16 16M9.500 6A9 9 0 0 1 12 5.500c6 0 9.500 6.500 9.500 6.500a16 16 0 0 1-2.600 3.400M6 7.500A16 16 0 0 0 2.500 12S6 18.500 12 18.500a9 9 0 0 0 3.500-.7',
  chat: 'M12 4c-5 0-8.500 3.400-8.500 7.700 0 2.400 1.100 4.500 3 5.900L5.700 21l4-2c.7.2 1.500.3 2.300.3 5 0 8.500-3.400 8.500-7.600S17 4 12 4Z',
} as const

export type IconName = keyof typeof paths

/** A line drawing; always decoration beside a name. */
export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}
