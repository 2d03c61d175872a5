// Copies a text and says that it did.
'use client';
import Check from 'lucide-react/icons/check';
import Copy from 'lucide-react/icons/copy';
import { useEffect, useState } from 'react';
import { Button, type ButtonSize, type ButtonVariant } from './button';

/** `what` completes the accessible name: "Copy redirect URL". The word Copy is what is shown. */
export function CopyButton({
  text,
  what,
  variant = 'secondary',
  size = 'md',
  className,
}: {
  text: string;
  what: string;
  variant?: ButtonVariant;
  size?: ButtonSize;
  className?: string;
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
        onClick={async () => setState((await copy(text)) ? 'copied' : 'failed')}
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

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers give no clipboard to plain http on other hosts than loopback; the old way still works there.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'fixed opacity-0';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
