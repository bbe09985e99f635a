// A channel as the API takes it: all fields but secrets, which stay as they are where none is given.
import type { Schemas } from '../../api/client';

type Channel = Schemas['ChannelOut'];

/** What is written back so that nothing but what is named changes. */
export function bodyOf(
  channel: Channel,
  over: Partial<Schemas['ChannelIn']>,
): Schemas['ChannelIn'] {
  return {
    name: channel.name,
    kind: channel.kind as Schemas['ChannelKind'],
    enabled: channel.enabled,
    events: channel.events,
    private_targets: channel.private_targets,
    ...(channel.kind === 'webhook'
      ? { url: channel.url ?? null, signing: channel.signing as Schemas['SigningName'] }
      : {}),
    ...(channel.smtp
      ? {
          smtp: {
            host: channel.smtp.host,
            port: channel.smtp.port,
            security: channel.smtp.security,
            username: channel.smtp.username ?? null,
            from: channel.smtp.from,
            to: channel.smtp.to,
          },
        }
      : {}),
    ...over,
  };
}
