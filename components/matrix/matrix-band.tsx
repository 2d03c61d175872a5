// The band over a section's rows, drawn again only when what it shows differs.
import { memo } from 'react';
import { count } from '../tools/words';
import { FIRST_GROUP } from './grid-keys';
import { risky } from './matrix-row';
import type { MatrixGroup, Section } from './model';

// The cells are buttons in the role of boxes, as in a row.
/* oxlint-disable jsx-a11y/prefer-tag-over-role, jsx-a11y/control-has-associated-label */

/** The name of a section and, for each group, a box for all of its tools. */
export const MatrixBand = memo(function MatrixBand({
  section,
  row,
  tools,
  cells,
  groups,
  mayChange,
}: {
  section: Section;
  row: number;
  /** How many of its tools are shown. */
  tools: number;
  cells: string;
  groups: readonly MatrixGroup[];
  mayChange: boolean;
}) {
  return (
    <tr hidden={tools === 0} className={risky.has(section.id) ? 'risky' : undefined}>
      <th
        scope="rowgroup"
        className="first border-line bg-sunken h-9 border-r border-b px-3 py-0 text-left font-normal"
      >
        <span className="flex items-baseline gap-2">
          <span className="shrink-0 text-sm font-semibold">{section.title}</span>
          <span className="text-ink-3 truncate text-xs" title={section.note}>
            {count(tools, 'tool')}. {section.note}
          </span>
        </span>
      </th>
      {groups.map((group, n) => (
        <td key={group.slug} className="band border-line bg-sunken border-b p-0">
          <button
            type="button"
            role="checkbox"
            aria-checked={cells[n] === '2' ? 'mixed' : cells[n] === '1'}
            aria-disabled={mayChange ? undefined : true}
            aria-label={`All ${section.title.toLowerCase()} tools, ${group.name}, ${bandWords(cells[n])}`}
            tabIndex={-1}
            data-at={`${row},${n + FIRST_GROUP}`}
            className="cell"
          />
        </td>
      ))}
    </tr>
  );
});

const bandWords = (code: string | undefined) =>
  code === '1' ? 'all allowed' : code === '2' ? 'some allowed' : 'none allowed';
