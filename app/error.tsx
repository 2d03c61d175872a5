// When a page could not be made: what to do, and a reference for whoever reads the log.
'use client';
import { Entrance } from '@/components/entrance/entrance';
import { PageFault } from '@/components/page-fault';

export default function ErrorPage({
  error,
  reset,
}: {
  error: Error & { digest?: string };
  reset: () => void;
}) {
  return (
    <Entrance title="This page could not be shown">
      <PageFault reference={error.digest} retry={reset} />
    </Entrance>
  );
}
