// When a room could not be made: the navigation stays.
'use client';
import { PageFault } from '@/components/page-fault';
import { PageHeader } from '@/components/ui/page-header';

export default function PortalError({
  error,
  reset,
}: {
  error: Error & { digest?: string };
  reset: () => void;
}) {
  return (
    <>
      <PageHeader title="This page could not be shown" />
      <PageFault reference={error.digest} retry={reset} />
    </>
  );
}
