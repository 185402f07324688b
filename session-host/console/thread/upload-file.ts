/** The storage refused the file, or did not answer. */
export class UploadError extends Error {
  readonly kind: 'offline' | 'refused' | 'other'
  override readonly name = 'UploadError'
  constructor(kind: UploadError['kind']) {
    super(kind)
    this.kind = kind
  }
}

/**
 * Puts a file at a signed address. XMLHttpRequest, because fetch tells nothing of how far an upload is.
 * @param onProgress from 0 to 1
 * @throws UploadError; after an abort an AbortError
 */
export function uploadFile(
  url: string,
  file: File,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (part: number) => void },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const request = new XMLHttpRequest()
  const abort = (): void => request.abort()
  request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0)
  request.onload = () => {
    if (request.status >= 200 && request.status < 300) resolve()
    else reject(new UploadError(refusals.has(request.status) ? 'refused' : 'other'))
  }
  request.onerror = () => reject(new UploadError('offline'))
  request.onabort = () => reject(new DOMException('the upload was taken back', 'AbortError'))
  request.onloadend = () => signal.removeEventListener('abort', abort)
  request.open('PUT', url)
  request.setRequestHeader('content-type', file.type || 'application/octet-stream')
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  else request.send(file)
  return promise
}

/** Storage answers 400 with a code of its own for what is too large or of a wrong type. */
const refusals = new Set([400, 413, 415, 422])
