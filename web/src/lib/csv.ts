// Rows as CSV for spreadsheets (RFC 4180). What a spreadsheet would take for a formula is text here.

/** Characters at the start of a cell that make spreadsheets compute. */
const FORMULA = /^[=+\-@\t\r]/;

const cell = (text: string): string =>
  `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;

export const csv = (rows: string[][]): string =>
  rows.map((row) => row.map(cell).join(',')).join('\r\n');
