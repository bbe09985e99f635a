// Sends the browser to the authorization server of an upstream; it comes back to the server's page.
import { api } from '../../../api/client';

export function useConnect() {
  return api.useMutation('post', '/api/v1/servers/{id}/connections', {
    onSuccess: ({ authorize_url }) => location.assign(authorize_url),
  });
}
