// Every text of the dashboard, typed, in one place.
import { access } from './access';
import { builder } from './builder';
import { grants } from './grants';
import { logs } from './logs';
import { overview } from './overview';
import { policies } from './policies';
import { servers } from './servers';
import { can, shell, states, words } from './shell';

export const t = {
  ...{ shell, can, states, words },
  ...{ access, builder, grants, logs, overview, policies, servers },
};
