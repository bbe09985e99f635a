// An invitation, accepted: the person chooses a password and is in.
import { Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api, problemOf } from '../api/client';
import { to } from '../app/links';
import { useLinkToken } from '../lib/link-token';
import { signing } from '../text/sign-in';
import { Door } from '../ui/Door';
import { LetIn } from '../ui/LetIn';

const s = signing.invite;

export function Invite() {
  const [token] = useLinkToken();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const accept = api.useMutation('post', '/api/v1/invites/accept', {
    onSuccess: () => {
      queries.clear();
      return navigate(to.overview());
    },
  });
  return (
    <Door title={s.title}>
      <Text size="sm">{token ? s.about : s.noToken}</Text>
      {token && (
        <LetIn
          token={token}
          withEmail={false}
          nameHint={s.nameHint}
          go={s.go}
          pending={accept.isPending}
          error={accept.error}
          send={({ token: link, name, password }) =>
            accept.mutate({ body: { token: link, password, ...(name ? { name } : {}) } })
          }
        />
      )}
      {accept.error && problemOf(accept.error).code === 'gone' && <Text size="sm">{s.gone}</Text>}
    </Door>
  );
}
