// An address that leads nowhere.
import { t } from '../text/core';
import { Empty } from '../ui/Asked';
import { Go } from '../ui/bits';
import { to } from './links';

export function Nowhere() {
  return (
    <Empty title={t.states.notFound} text={t.states.notFoundText}>
      <Go {...to.overview()}>{t.states.toOverview}</Go>
    </Empty>
  );
}
