// Dense tables: sticky header, and below 768 px each row becomes a block whose cells carry their column's name.
import ArrowDown from 'lucide-react/icons/arrow-down';
import ArrowUp from 'lucide-react/icons/arrow-up';
import Link from 'next/link';
import type { ComponentProps, ReactNode } from 'react';
import { classNames } from './class-names';

// The roles are spelled out because `display: block` takes them away in some browsers.
/* oxlint-disable jsx-a11y/no-redundant-roles, jsx-a11y/no-interactive-element-to-noninteractive-role */

/**
 * `label` names the table for screen readers. `widths` are the columns' width classes ('' shares what is left): with them nothing
 * moves while rows arrive.
 */
export function Table({
  label,
  widths,
  children,
}: {
  label: string;
  widths?: readonly string[];
  children: ReactNode;
}) {
  return (
    <table
      role="table"
      aria-label={label}
      className={classNames(
        'w-full border-separate border-spacing-0 text-left text-sm max-md:block',
        widths && 'md:table-fixed',
      )}
    >
      {widths && (
        <colgroup className="max-md:hidden">
          {widths.map((width, n) => (
            // oxlint-disable-next-line react/no-array-index-key -- columns never change places
            <col key={n} className={width} />
          ))}
        </colgroup>
      )}
      {children}
    </table>
  );
}

/** A column that the table can be sorted by: `href` sorts by it, or turns the order round where it is the sorted one already. */
export interface SortColumn {
  name: string;
  href: string;
  /** Null where the table is sorted by another column. */
  sorted: 'asc' | 'desc' | null;
}

/** A column's name: plain, `end` for numbers on the right, `wide` for what only a wide screen shows, `hidden` for a name read out but not shown. */
export type Column = string | { end: string } | { wide: string } | { hidden: string } | SortColumn;

const headCell =
  'border-line bg-sunken text-ink-3 sticky top-12 z-10 h-8 border-b px-3 text-xs font-medium whitespace-nowrap first:rounded-tl-box first:pl-4 last:rounded-tr-box last:pr-4 lg:top-0';

/** The header row. */
export function TableHead({ columns }: { columns: readonly Column[] }) {
  return (
    <thead role="rowgroup" className="max-md:sr-only">
      <tr role="row">
        {columns.map((column) => {
          if (typeof column === 'object' && 'href' in column)
            return <SortableHead key={column.name} {...column} />;
          const [[kind, text]] = Object.entries(typeof column === 'string' ? { plain: column } : column) as [
            [string, string],
          ];
          return (
            <th
              key={text}
              role="columnheader"
              scope="col"
              className={classNames(
                headCell,
                kind === 'end' && 'text-right',
                kind === 'wide' && 'max-lg:hidden',
              )}
            >
              {kind === 'hidden' ? <span className="sr-only">{text}</span> : text}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

// A link, so that the order stands in the URL and works without the page's script.
function SortableHead({ name, href, sorted }: SortColumn) {
  const Arrow = sorted === 'desc' ? ArrowDown : ArrowUp;
  return (
    <th
      role="columnheader"
      scope="col"
      aria-sort={sorted === null ? 'none' : sorted === 'asc' ? 'ascending' : 'descending'}
      className={headCell}
    >
      <Link
        href={href}
        scroll={false}
        prefetch={false}
        className={classNames(
          'group hover:text-ink rounded-inner inline-flex h-6 items-center gap-1 px-1.5 -mx-1.5',
          sorted && 'text-ink',
        )}
      >
        {name}
        <Arrow
          aria-hidden="true"
          className={classNames(
            'size-3',
            sorted === null && 'invisible group-hover:visible group-focus-visible:visible',
          )}
        />
      </Link>
    </th>
  );
}

/** The rows. */
export function TableBody({ children, ...rest }: Omit<ComponentProps<'tbody'>, 'className' | 'role'>) {
  return (
    <tbody role="rowgroup" {...rest} className="max-md:block [&>tr:last-child>*]:border-b-0">
      {children}
    </tbody>
  );
}

/** A row; blocks on a narrow screen. */
export function Row({ children, className, ...rest }: ComponentProps<'tr'>) {
  return (
    <tr
      role="row"
      {...rest}
      className={classNames(
        'hover:bg-hover/50 max-md:border-line max-md:relative max-md:block max-md:border-b max-md:px-4 max-md:py-2.5 max-md:last:border-b-0',
        className,
      )}
    >
      {children}
    </tr>
  );
}

const cell =
  'md:border-line h-10 px-3 py-1.5 align-middle md:border-b md:first:pl-4 md:last:pr-4 max-md:block max-md:h-auto max-md:p-0';

/** The cell that names its row. */
export function RowHeader({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <th
      role="rowheader"
      scope="row"
      className={classNames(cell, 'text-left font-normal max-md:pb-1', className)}
    >
      {children}
    </th>
  );
}

/** A cell. `label` is its column's name, shown before the value on a narrow screen. */
export function Cell({
  label,
  end,
  children,
  className,
}: {
  label?: string;
  end?: boolean;
  children: ReactNode;
  className?: string;
}) {
  return (
    <td
      role="cell"
      data-label={label}
      className={classNames(
        cell,
        label &&
          'max-md:flex! max-md:items-baseline max-md:gap-2 max-md:py-0.5 max-md:before:text-ink-3 max-md:before:w-24 max-md:before:shrink-0 max-md:before:text-xs max-md:before:content-[attr(data-label)]',
        end && 'md:text-right',
        className,
      )}
    >
      {label ? <div className="min-w-0">{children}</div> : children}
    </td>
  );
}

/** The cell with a row's actions: last column, or the upper right corner of the block on a narrow screen. */
export function ActionsCell({ children }: { children: ReactNode }) {
  return (
    <td
      role="cell"
      className={classNames(
        cell,
        'md:w-px md:whitespace-nowrap max-md:absolute! max-md:top-1.5 max-md:right-2',
      )}
    >
      <div className="flex justify-end gap-1">{children}</div>
    </td>
  );
}
