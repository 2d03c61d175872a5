// Warns before a page with unsaved changes is left: by the browser's own question, and in the app by ours.
'use client';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { AlertDialog } from '../ui/alert-dialog';

/** `changes` in words ("12 changes in 3 groups"); null when there are none. `kept` says what becomes of them. */
export function LeaveGuard({ changes, kept }: { changes: string | null; kept: string }) {
  const router = useRouter();
  const [target, setTarget] = useState<string | null>(null);
  const active = changes !== null;
  useEffect(() => {
    if (!active) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    const hold = (event: MouseEvent) => {
      const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null;
      const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
      if (!link || modified || link.target === '_blank' || link.hasAttribute('download')) return;
      const to = new URL(link.href, window.location.href);
      if (to.origin !== window.location.origin || to.pathname === window.location.pathname) return;
      event.preventDefault();
      event.stopPropagation();
      setTarget(to.pathname + to.search + to.hash);
    };
    window.addEventListener('beforeunload', ask);
    document.addEventListener('click', hold, true);
    return () => {
      window.removeEventListener('beforeunload', ask);
      document.removeEventListener('click', hold, true);
    };
  }, [active]);
  return (
    <AlertDialog
      open={target !== null && active}
      onOpenChange={() => setTarget(null)}
      title="Leave without saving?"
      cancel="Stay here"
      confirm="Leave"
      danger={false}
      pending={false}
      onConfirm={() => {
        if (target) router.push(target);
        setTarget(null);
      }}
    >
      {changes} not saved. {kept}
    </AlertDialog>
  );
}
