// Finds the escapes that the server wrote for characters nobody could see.

const ESCAPE = /(\\u\{[0-9a-f]{1,6}\})/;

/** The text in parts; every second one is an escape. */
export const inParts = (text: string): string[] => text.split(ESCAPE);

/** More characters than this are folded until somebody opens them. */
export const LONG = 240;
