// Views of one room, each with an address of its own.
import Link from 'next/link';
import { classNames } from './class-names';

/** `label` names the row; `current` is the id of the view that is shown. */
export function TabLinks({
  label,
  current,
  tabs,
}: {
  label: string;
  current: string;
  tabs: readonly { id: string; title: string; href: string }[];
}) {
  return (
    <nav aria-label={label} className="border-line mb-4 flex gap-1 border-b">
      {tabs.map(({ id, title, href }) => (
        <Link
          key={id}
          href={href}
          aria-current={id === current ? 'page' : undefined}
          className={classNames(
            '-mb-px inline-flex h-8 items-center border-b-2 px-2 text-sm font-medium focus-visible:-outline-offset-2 pointer-coarse:h-10',
            id === current ? 'border-accent text-ink' : 'text-ink-3 hover:text-ink border-transparent',
          )}
        >
          {title}
        </Link>
      ))}
    </nav>
  );
}
