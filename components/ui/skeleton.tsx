// Grey shapes in the place of what is being loaded, so that nothing jumps when it comes.
import { classNames } from './class-names';

/** One bar; its size comes from `className`. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <span aria-hidden="true" className={classNames('bg-hover rounded-box block animate-pulse', className)} />
  );
}
