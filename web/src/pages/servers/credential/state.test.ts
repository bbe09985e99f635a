// The words for the state of an account.
import { describe, expect, test } from 'vitest';
import type { Schemas } from '../../../api/client';
import { standing } from './state';

const connection = (over: Partial<Schemas['ConnectionOut']>): Schemas['ConnectionOut'] => ({
  identity: 'ana@example.org',
  state: 'connected',
  reason: null,
  scopes: [],
  expires_at: null,
  renews: true,
  refreshed_at: null,
  key_version: 1,
  opens: true,
  connected_by: 'Ana',
  connected_at: '2026-01-01T00:00:00Z',
  can: {},
  ...over,
});

describe('an account', () => {
  test.each([
    [{}, 'allowed', 'Works'],
    [{ key_version: null }, 'waiting', 'Ready: the first call gets its token'],
    [{ opens: false }, 'denied', 'Reconnect needed'],
    [{ state: 'reconnect', reason: 'revoked', identity: '' }, 'denied', 'Reconnect needed'],
  ])('%j is %s: %s', (over, kind, text) => {
    expect(standing(connection(over))).toMatchObject({ kind, text });
  });

  test('says who can mend it', () => {
    expect(standing(connection({ opens: false })).why).toMatch(/^By ana@example.org or an admin/);
    expect(standing(connection({ state: 'reconnect', identity: '' })).why).toBe('By an admin.');
  });

  test('says why somebody has to connect it again, and a reason it does not know as it is', () => {
    expect(standing(connection({ state: 'reconnect', reason: 'revoked' })).why).toMatch(/consent/);
    expect(standing(connection({ state: 'reconnect', reason: 'new_word' })).why).toBe(
      'By ana@example.org or an admin. new_word',
    );
  });
});
