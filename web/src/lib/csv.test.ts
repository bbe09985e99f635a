// CSV that spreadsheets read and do not compute.
import { expect, test } from 'vitest';
import { csv } from './csv';

test('cells are quoted, and rows end as the standard says', () => {
  expect(
    csv([
      ['a', 'b "c", d'],
      ['1\n2', ''],
    ]),
  ).toBe('"a","b ""c"", d"\r\n"1\n2",""');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx'])('%j is text to a spreadsheet', (text) => {
  expect(csv([[text]])).toBe(`"'${text}"`);
});
