import { describe, expect, it } from 'vitest'
import { mediaPath } from './media-path.ts'

describe('mediaPath', () => {
  it('finds the path of a row and of a signed URL alike', () => {
    expect(mediaPath('user/chat/a b.jpg')).toBe('user/chat/a b.jpg')
    expect(mediaPath('media/user/chat/x.jpg')).toBe('user/chat/x.jpg')
    expect(mediaPath('http://localhost:54321/storage/v1/object/sign/media/user/chat/a%20b.jpg?token=x')).toBe(
      'user/chat/a b.jpg',
    )
  })

  it('takes nothing else for one', () => {
    for (const value of [null, '', 'https://example.com/picture.jpg', 'javascript:alert(1)', 'data:text/html,x'])
      expect(mediaPath(value)).toBeNull()
  })
})
