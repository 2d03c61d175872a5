// Two definitions of a tool side by side, line by line: what was reviewed on the left, what Asana lists now on the right. All of it is
// Asana's text, shown as text.
import { classNames } from '../ui/class-names';
import { definitionLines, sideBySide, type SideBySide } from './definition-lines';

/** Lines around a change that stay in sight. */
const AROUND = 2;

export function DefinitionDiff({
  name,
  predecessor,
  before,
  after,
}: {
  name: string;
  /** The tool that `before` is of, where this one seems to take its place. */
  predecessor?: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}) {
  const rows = sideBySide(definitionLines(before), definitionLines(after));
  return (
    // Focusable, so that it scrolls by keyboard (WCAG 2.1.1).
    /* oxlint-disable jsx-a11y/no-noninteractive-tabindex, jsx-a11y/prefer-tag-over-role */
    <div
      tabIndex={0}
      role="region"
      aria-label={`What changed in ${name}`}
      className="max-h-112 overflow-auto"
    >
      <table className="w-full table-fixed text-left max-sm:block font-mono text-xs leading-5">
        <thead className="text-ink-3 font-sans max-sm:sr-only">
          <tr>
            <th scope="col" className="px-4 py-1.5 font-medium [overflow-wrap:anywhere]">
              {predecessor === undefined ? 'As it was reviewed' : `${predecessor}, as it was reviewed`}
            </th>
            <th
              scope="col"
              className="border-line px-4 py-1.5 font-medium [overflow-wrap:anywhere] sm:border-l"
            >
              {predecessor === undefined ? 'As Asana lists it now' : `${name}, as Asana lists it now`}
            </th>
          </tr>
        </thead>
        <tbody className="max-sm:block">
          {folded(rows).map((row, n) =>
            typeof row === 'number' ? (
              // oxlint-disable-next-line react/no-array-index-key -- lines never move
              <tr key={n} className="max-sm:block">
                <td colSpan={2} className="bg-sunken text-ink-3 px-4 py-0.5 font-sans max-sm:block">
                  {row.toLocaleString('en')} {row === 1 ? 'line' : 'lines'} unchanged
                </td>
              </tr>
            ) : (
              // oxlint-disable-next-line react/no-array-index-key -- lines never move
              <tr key={n} className="align-top max-sm:flex max-sm:flex-col">
                <Side line={row.before} mark={row.same ? null : 'removed'} />
                <Side line={row.after} mark={row.same ? null : 'added'} hidden={row.same} />
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}

function Side({
  line,
  mark,
  hidden = false,
}: {
  line: string | null;
  mark: 'removed' | 'added' | null;
  /** On narrow screens: the same line stands above. */
  hidden?: boolean;
}) {
  const isMarked = mark !== null && line !== null;
  return (
    <td
      className={classNames(
        'px-4 py-0.5 whitespace-pre-wrap [overflow-wrap:anywhere]',
        mark !== 'removed' && 'sm:border-line sm:border-l',
        (hidden || line === null) && 'max-sm:hidden',
        isMarked && (mark === 'removed' ? 'bg-danger-soft' : 'bg-success-soft'),
        mark === null && 'text-ink-3',
      )}
    >
      {isMarked && (
        <span aria-hidden="true" className={mark === 'removed' ? 'text-danger' : 'text-success'}>
          {mark === 'removed' ? '\u2212 ' : '+ '}
        </span>
      )}
      {isMarked && <span className="sr-only">{mark}: </span>}
      {line}
    </td>
  );
}

/** Long stretches without a change become their length. */
function folded(rows: readonly SideBySide[]): (SideBySide | number)[] {
  const near = new Set<number>();
  rows.forEach(({ same }, n) => {
    if (!same) for (let at = n - AROUND; at <= n + AROUND; at += 1) near.add(at);
  });
  const shown: (SideBySide | number)[] = [];
  let hidden = 0;
  rows.forEach((row, n) => {
    if (near.has(n)) {
      if (hidden > 0) shown.push(hidden);
      hidden = 0;
      shown.push(row);
    } else hidden += 1;
  });
  if (hidden > 0) shown.push(hidden);
  return shown;
}
