// Copies a text and says that it did.
'use client';
import Check from 'lucide-react/icons/check';
import Copy from 'lucide-react/icons/copy';
import { useEffect, useState } from 'react';
import { Button, type ButtonSize, type ButtonVariant } from './button';
import { copyText } from './copy-text';

/** `what` completes the accessible name: "Copy redirect URL". The word Copy is what is shown. */
export function CopyButton({
  text,
  what,
  variant = 'secondary',
  size = 'md',
  className,
  onCopied,
}: {
  text: string;
  what: string;
  variant?: ButtonVariant;
  size?: ButtonSize;
  className?: string;
  onCopied?: () => void;
}) {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), 2_000);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <>
      <Button
        variant={variant}
        size={size}
        className={className}
        aria-label={`Copy ${what}`}
        icon={state === 'copied' ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
        onClick={async () => {
          const done = await copyText(text);
          setState(done ? 'copied' : 'failed');
          if (done) onCopied?.();
        }}
      >
        {/* Both words are laid out, so that the button keeps its width. */}
        <span aria-hidden="true" className="grid *:col-start-1 *:row-start-1">
          <span className={state === 'idle' ? '' : 'invisible'}>Copy</span>
          <span className={state === 'copied' ? '' : 'invisible'}>Copied</span>
          <span className={state === 'failed' ? '' : 'invisible'}>Failed</span>
        </span>
      </Button>
      <output className="sr-only">
        {state === 'copied'
          ? `Copied ${what}.`
          : state === 'failed'
            ? 'Copying failed; select the text and copy it.'
            : ''}
      </output>
    </>
  );
}
