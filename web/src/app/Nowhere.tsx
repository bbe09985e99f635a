// An address that leads nowhere.
import { Text, Title } from '@mantine/core';
import { t } from '../text/core';
import { Go } from '../ui/bits';
import { to } from './links';

export function Nowhere() {
  return (
    <main className="cs-nowhere">
      <Title order={1} size="h2">
        {t.states.notFound}
      </Title>
      <Text c="dimmed" my="sm">
        {t.states.notFoundText}
      </Text>
      <Go {...to.overview()}>{t.states.toOverview}</Go>
    </main>
  );
}
