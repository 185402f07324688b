import ipaddr from 'ipaddr.js'

/**
 * Whether an IP address, in any spelling, is one of the public internet. Loopback, private, link-local, shared, documentation, multicast
 * and every other range that RFC 6890 sets aside are not, nor IPv6 addresses that carry one of them (mapped, compatible, NAT64, 6to4,
 * Teredo, whose inner address a network may well route).
 */
export function isPublicAddress(text: string): boolean {
  const literal = text.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  if (!ipaddr.isValid(literal)) return false
  const address = ipaddr.parse(literal)
  if (address.kind() === 'ipv4') return address.range() === 'unicast'
  const six = address as ipaddr.IPv6
  if (six.isIPv4MappedAddress()) return isPublicAddress(six.toIPv4Address().toString())
  const bytes = six.toByteArray()
  // ::a.b.c.d, deprecated, which some stacks still read as IPv4.
  if (bytes.slice(0, 12).every((byte) => byte === 0)) return false
  return six.range() === 'unicast' && isIn(six, '2000::/3') && !setAside.some((range) => isIn(six, range))
}

/** Parts of 2000::/3 that are no ordinary addresses: Teredo and other protocols, documentation, 6to4, segment routing. */
const setAside = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '5f00::/16']

function isIn(address: ipaddr.IPv6, range: string): boolean {
  return address.match(ipaddr.IPv6.parseCIDR(range))
}
