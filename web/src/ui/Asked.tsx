// The states of anything that was asked of the server: loading, failed, stale, empty, there.
import { Skeleton, Stack, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { formatTime } from '../lib/format';
import { t } from '../text/core';
import { states } from '../text/shell';
import { ProblemView } from './ProblemView';

interface Props<T> {
  query: Pick<
    UseQueryResult<T, unknown>,
    'data' | 'error' | 'isFetching' | 'refetch' | 'dataUpdatedAt'
  >;
  children: (data: T) => ReactNode;
  lines?: number;
}

export function Asked<T>({ query, children, lines = 4 }: Props<T>) {
  const { data, error } = query;
  if (data === undefined) {
    return error ? (
      <ProblemView error={error} retry={() => void query.refetch()} />
    ) : (
      <Loading lines={lines} />
    );
  }
  return (
    <>
      {error !== null && error !== undefined && (
        <div className="cs-bar" role="status">
          {t.states.stale(formatTime(new Date(query.dataUpdatedAt).toISOString()))}
        </div>
      )}
      {children(data)}
    </>
  );
}

/** Grey lines, after a moment: what is quick needs none. */
export function Loading({ lines = 4 }: { lines?: number }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Stack gap="sm" aria-busy role="status" aria-label={t.states.loading} mih={40}>
      {late &&
        Array.from({ length: lines }, (_, at) => <Skeleton key={at} height={22} radius="sm" />)}
    </Stack>
  );
}

/** Said under a list that goes on beyond what is shown. */
export function Newest({ of }: { of: { items: unknown[]; next?: string | null } | undefined }) {
  if (!of?.next) return null;
  return (
    <Text size="sm" c="dimmed">
      {states.newest(of.items.length)}
    </Text>
  );
}

/** Nothing is there: what this is, why it is empty, and one thing to do. */
export function Empty({
  title,
  text,
  children,
}: {
  title: string;
  text: string;
  children?: ReactNode;
}) {
  return (
    <Stack className="cs-panel" align="flex-start" gap="xs">
      <Text fw={600}>{title}</Text>
      <Text c="dimmed">{text}</Text>
      {children}
    </Stack>
  );
}
