import { AuthRetryableFetchError, type AuthError } from '@supabase/supabase-js'
import type { Catalogue } from '../language/catalogue-es.ts'

/** Supabase Auth's error codes as sentences (https://supabase.com/docs/guides/auth/debugging/error-codes). */
export function authErrorSentence(error: AuthError, t: Catalogue): string {
  if (error instanceof AuthRetryableFetchError) return t.authErrors.offline
  const code = error.code ?? ''
  return Object.hasOwn(t.authErrors, code) ? t.authErrors[code as keyof Catalogue['authErrors']] : t.authErrors.other
}
