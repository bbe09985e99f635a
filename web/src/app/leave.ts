// Signing out: here, or everywhere.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api } from '../api/client';
import { forgetAll, UNSENT } from '../lib/settings';
import { to } from './links';

export function useLeave() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const left = {
    onSuccess: () => {
      // Nothing of this person stays behind for the next one.
      queries.clear();
      forgetAll(UNSENT);
      void navigate(to.signIn());
    },
  };
  const here = api.useMutation('delete', '/api/v1/session', left);
  const everywhere = api.useMutation('delete', '/api/v1/sessions', left);
  return { here, everywhere };
}
