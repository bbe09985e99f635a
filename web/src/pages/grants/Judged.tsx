// Under which policy a server judges a grant's calls, and which version of it is in force.
import { type Schemas } from '../../api/client';
import { to } from '../../app/links';
import { t } from '../../text';
import { Go } from '../../ui/bits';

export function Judged({ by }: { by: Schemas['Reach']['policy'] }) {
  if (!by) return <>{t.grants.noPolicy}</>;
  return (
    <>
      <Go {...to.policy(by.name)}>{by.name}</Go>{' '}
      {by.version > 0 ? (
        <Go {...to.version(by.name, by.version)}>v{by.version}</Go>
      ) : (
        t.grants.noVersion
      )}
    </>
  );
}
