// Something that is folded away until it is wanted: the platform's own, so it works before any script.
import ChevronRight from 'lucide-react/icons/chevron-right';
import type { ReactNode } from 'react';

export function Disclosure({ summary, children }: { summary: ReactNode; children: ReactNode }) {
  return (
    <details className="group">
      <summary className="text-accent inline-flex min-h-6 items-center gap-1.5 text-sm font-medium select-none marker:content-none hover:underline [&::-webkit-details-marker]:hidden">
        <ChevronRight
          aria-hidden="true"
          className="size-4 shrink-0 transition-transform group-open:rotate-90"
        />
        {summary}
      </summary>
      <div className="pt-3">{children}</div>
    </details>
  );
}
