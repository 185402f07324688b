import { getCACertificates, setDefaultCACertificates } from 'node:tls'

/**
 * Trusts one more authority, beside those that Node trusts anyway, for every TLS connection that this process makes from now on. Only a
 * configuration that names a server on loopback has one (config.ts). Verification stays on.
 */
export function trustAuthority(certificate: string): void {
  const trusted = getCACertificates('default')
  if (!trusted.includes(certificate)) setDefaultCACertificates([...trusted, certificate])
}
