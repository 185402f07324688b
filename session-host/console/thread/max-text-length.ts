/** The contract's limit (`maxTextLength` of shared/message.ts), repeated so that the page doesn't carry the schemas; a test compares. */
export const maxTextLength = 65_536
