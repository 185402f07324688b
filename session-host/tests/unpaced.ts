/** Settings with which messages leave as fast as they can. */
export const unpaced = {
  WHATSAPP_SEND_INTERVAL: '0',
  WHATSAPP_FIRST_CONTACT_INTERVAL: '0',
  WHATSAPP_RECIPIENT_RATE: '0',
}
