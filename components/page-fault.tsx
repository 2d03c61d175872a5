// What a person reads when a page could not be made. Says nothing of the cause: that stands in the log under the reference.
'use client';
import { useRouter } from 'next/navigation';
import { startTransition } from 'react';
import { Button, ButtonAnchor } from './ui/button';
import { Callout } from './ui/callout';

/** `reference` is the digest that Next also writes to the log. */
export function PageFault({ reference, retry }: { reference?: string; retry: () => void }) {
  const router = useRouter();
  return (
    <Callout
      tone="danger"
      live
      title="Something went wrong on our side"
      actions={
        <>
          <Button
            size="sm"
            onClick={() =>
              startTransition(() => {
                router.refresh();
                retry();
              })
            }
          >
            Try again
          </Button>
          {/* A full load: the app in this tab may be what is broken. */}
          <ButtonAnchor href="/" size="sm" variant="quiet">
            Go to your home
          </ButtonAnchor>
        </>
      }
    >
      <p>Nothing you did before is lost. Try again; if it stays so, tell an admin and give the reference.</p>
      {reference && (
        <p className="mt-1">
          Reference: <code className="font-mono select-all">{reference}</code>
        </p>
      )}
    </Callout>
  );
}
