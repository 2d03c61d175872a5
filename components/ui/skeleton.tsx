// Grey shapes in the place of what is being loaded, so that nothing jumps when it comes.
import { classNames } from './class-names';

/** One bar; its size comes from `className`. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <span aria-hidden="true" className={classNames('bg-hover rounded-box block animate-pulse', className)} />
  );
}

/** A page's header and a table of rows. */
export function PageSkeleton({ rows = 8 }: { rows?: number }) {
  return (
    <div>
      <output className="sr-only">Loading</output>
      <Skeleton className="h-7 w-48" />
      <Skeleton className="mt-2 mb-6 h-5 w-96 max-w-full" />
      <div className="border-line bg-surface rounded-box divide-line divide-y border">
        {Array.from({ length: rows }, (_, row) => (
          <div key={row} className="flex h-11 items-center gap-4 px-4">
            <Skeleton className="h-4 w-1/4" />
            <Skeleton className="h-4 w-1/6" />
            <Skeleton className="ml-auto h-4 w-1/12" />
          </div>
        ))}
      </div>
    </div>
  );
}
