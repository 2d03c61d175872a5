// The top of a page: its one h1, a sentence, what can be done.
import type { ReactNode } from 'react';

/** `back` is a link to where one came from; `marks` are badges beside the title. */
export function PageHeader({
  title,
  description,
  actions,
  back,
  marks,
}: {
  title: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  back?: ReactNode;
  marks?: ReactNode;
}) {
  return (
    <header className="mb-5">
      {back && <div className="mb-1 text-sm">{back}</div>}
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 max-w-3xl flex-1 basis-72">
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <h1 className="text-xl font-semibold tracking-tight [overflow-wrap:anywhere]">{title}</h1>
            {marks}
          </div>
          {description && <p className="text-ink-3 mt-0.5 text-pretty">{description}</p>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
    </header>
  );
}
