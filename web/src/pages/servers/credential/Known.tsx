// What is known of a credential: its kind, whether it opens, and what it is made of. Never a value.
import type { ReactNode } from 'react';
import { api, type Schemas } from '../../../api/client';
import { to } from '../../../app/links';
import { formatMoment } from '../../../lib/format';
import { credentials as c } from '../../../text/credentials';
import { states } from '../../../text/shell';
import { At, Facts, Go } from '../../../ui/bits';
import { Word } from '../../../ui/Word';

type Credential = Schemas['CredentialOut'];

export function Known({ slug, credential }: { slug: string; credential: Credential }) {
  const { oauth } = credential;
  const key = credential.key_version;
  return (
    <Facts
      of={[
        [c.kind, c.kinds[oauth?.grant ?? credential.kind] ?? credential.kind],
        [
          c.state,
          credential.opens ? (
            c.opens
          ) : (
            <div key="closed">
              <Word kind="denied">{c.closed}</Word> {c.closedText(String(key ?? states.none))}
            </div>
          ),
        ],
        ...(oauth
          ? ([
              [c.issuer, <Mono key="issuer">{oauth.issuer}</Mono>],
              [c.clientId, <Mono key="client">{oauth.client_id}</Mono>],
              [c.method, c.methods[oauth.auth_method] ?? oauth.auth_method],
              [c.scopes, oauth.scopes.join(' ') || c.noScopes],
              [c.accountFor, oauth.per_identity ? c.perIdentity : c.shared],
            ] as [string, ReactNode][])
          : ([[c.headers, <Mono key="headers">{credential.headers.join(', ')}</Mono>]] as [
              string,
              ReactNode,
            ][])),
        [c.setAt, formatMoment(credential.set_at)],
        [c.replaced, c.times(credential.generation)],
        ...(key === null || key === undefined
          ? []
          : ([[c.keyVersion, String(key)]] as [string, ReactNode][])),
        [c.lastUsed, <LastUsed key="used" slug={slug} />],
      ]}
    />
  );
}

const Mono = ({ children }: { children: string }) => <span className="cs-mono">{children}</span>;

/** The last call that was let through to the server: it went with the credential. */
function LastUsed({ slug }: { slug: string }) {
  const query = api.useQuery('get', '/api/v1/calls', {
    params: { query: { server: slug, decision: 'allowed', limit: 1 } },
  });
  const last = query.data?.items[0];
  if (!query.data) return query.error ? states.none : '…';
  if (!last) return c.neverUsed;
  return (
    <Go {...to.call(last.id)}>
      <At at={last.at} as="distance" />
    </Go>
  );
}
