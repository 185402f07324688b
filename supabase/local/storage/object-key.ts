import { invalidKey, StorageError } from './storage-error.ts'

/** Where an object is: its bucket, and its name in there. */
export interface Place {
  bucket: string
  key: string
}

/** The characters that the platform allows in names (https://supabase.com/docs/guides/storage/uploads/file-limits). */
const allowed = /^[\w/!\-.*'() &$@=;:+,?]+$/
const longest = 1024

/**
 * The bucket and the name that a path of the API ends with, decoded. Refuses what is no name: empty segments, `.` and `..` however
 * they are written, control characters, backslashes. (No name becomes a path on the disk anyway: see disk.ts.)
 */
export function parsePlace(path: string): Place {
  const decoded = decode(path)
  const slash = decoded.indexOf('/')
  const bucket = slash < 0 ? decoded : decoded.slice(0, slash)
  return { bucket: checkBucket(bucket), key: checkKey(slash < 0 ? '' : decoded.slice(slash + 1)) }
}

/** `key` when it may be the name of an object; throws `InvalidKey` otherwise. */
export function checkKey(key: unknown): string {
  if (typeof key !== 'string') throw invalidKey('')
  const bad = key.length > longest || !allowed.test(key) || key.split('/').some((part) => /^\.{0,2}$/.test(part))
  if (bad) throw invalidKey(key.slice(0, longest))
  return key
}

/** `bucket` when it may be the name of a bucket; throws `InvalidBucketName` otherwise. */
export function checkBucket(bucket: unknown): string {
  if (
    typeof bucket !== 'string' ||
    bucket.length > 100 ||
    bucket.trim() !== bucket ||
    bucket.includes('/') ||
    !allowed.test(bucket)
  )
    throw new StorageError(400, 'InvalidBucketName', 'Bucket name invalid', 'Invalid Input')
  return bucket
}

/** One segment or more of a URL's path, decoded. */
export function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw invalidKey(path.slice(0, longest))
  }
}
