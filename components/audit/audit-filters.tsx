// The audit's filters: they combine, each is a chip that can be taken away, and all of them stand in the URL.
'use client';
import X from 'lucide-react/icons/x';
import { useRouter } from 'next/navigation';
import { useTransition } from 'react';
import { Button } from '../ui/button';
import { Spinner } from '../ui/spinner';
import { fields, hrefWith, valueWords, type AuditFilter, type FieldId } from './filter';
import { FilterMenu } from './filter-menu';
import { TimeMenu } from './time-menu';

/** `known` are values to suggest; `credentialName` is how the credential of the filter is called, where it is known. */
export function AuditFilters({
  filter,
  known,
  credentialName,
}: {
  filter: AuditFilter;
  known: Partial<Record<FieldId, readonly string[]>>;
  credentialName: string | null;
}) {
  const router = useRouter();
  const [pending, start] = useTransition();
  const go = (next: AuditFilter) => start(() => router.push(hrefWith(next), { scroll: false }));
  const chosen = fields.flatMap(({ id, title }) => {
    const value = filter[id];
    return value === undefined ? [] : [{ id, title, value }];
  });
  return (
    <section aria-label="Filters" className="mb-3 flex flex-wrap items-center gap-2">
      <TimeMenu
        filter={filter}
        onChoose={(time) => go({ ...filter, range: undefined, from: undefined, to: undefined, ...time })}
      />
      <FilterMenu known={known} onChoose={(id, value) => go({ ...filter, [id]: value })} />
      {chosen.length > 0 && (
        <ul aria-label="Chosen filters" className="contents">
          {chosen.map(({ id, title, value }) => (
            <li
              key={id}
              className="border-line bg-surface rounded-box flex h-8 max-w-full items-center border pl-2.5 text-sm"
            >
              <span className="text-ink-3 mr-1 shrink-0">{title}:</span>
              <span className="truncate">
                {id === 'credential' && credentialName ? credentialName : valueWords(id, value)}
              </span>
              <button
                type="button"
                aria-label={`Remove the filter ${title}: ${value}`}
                onClick={() => go({ ...filter, [id]: undefined })}
                className="text-ink-3 hover:bg-hover hover:text-ink rounded-inner m-0.5 ml-1 inline-flex size-6.5 shrink-0 items-center justify-center"
              >
                <X aria-hidden="true" className="size-3.5" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {chosen.length > 0 && (
        <Button variant="quiet" onClick={() => go({})}>
          Clear all
        </Button>
      )}
      <output className="text-ink-3 w-4">
        {pending && (
          <>
            <Spinner />
            <span className="sr-only">Filtering</span>
          </>
        )}
      </output>
    </section>
  );
}
