// Somebody else saved first: yours, theirs and what comes out, cell by cell. What does not collide is merged; what does is asked.
'use client';
import { useState } from 'react';
import { count } from '../tools/words';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { classNames } from '../ui/class-names';
import { Dialog, DialogActions } from '../ui/dialog';
import { ScrollArea } from '../ui/scroll-area';
import { RadioGroup } from '../ui/radio-group';
import { cellKey, conflictsOf, type Merge, type MergedCell } from './merge';
import { listed } from './pairs';

/** `by` says who changed a group, by slug. `onUse` gets the decided conflicts (by `cellKey`: what the cell shall be). */
export function MergeDialog({
  merge,
  by,
  onUse,
  onDrop,
  onClose,
}: {
  merge: Merge;
  by: ReadonlyMap<string, string[]>;
  onUse: (decided: ReadonlyMap<string, boolean>) => void;
  onDrop: () => void;
  onClose: () => void;
}) {
  const [decided, setDecided] = useState<ReadonlyMap<string, boolean>>(new Map());
  const conflicts = conflictsOf(merge);
  const open = conflicts.filter((cell) => !decided.has(cellKey(cell))).length;
  return (
    <Dialog
      open
      wide
      sticky
      onOpenChange={(next) => !next && onClose()}
      title="Somebody else saved first"
      description="Nothing of yours was saved and nothing of theirs is lost. This is what both changes come to."
    >
      <ScrollArea label="Both changes" className="flex max-h-[60dvh] flex-col gap-3">
        {merge.gone.map(({ slug, name, tools }) => (
          <Callout key={slug} tone="warn" title={`${name} was deleted${byWhom(by.get(slug))}`}>
            Your {count(tools.length, 'change')} there ({listed(tools)}) can’t be saved and drop out.
          </Callout>
        ))}
        {merge.lost.length > 0 && (
          <Callout tone="warn" title="No longer in the catalogue">
            {listed(merge.lost)}: these changes drop out.
          </Callout>
        )}
        {merge.groups.map(({ slug, name, people, cells }) => (
          <section key={slug} aria-label={name}>
            <h3 className="mb-1 text-sm font-semibold">
              {name}{' '}
              <span className="text-ink-3 font-normal [overflow-wrap:anywhere]">
                changed{byWhom(by.get(slug))}
                {people &&
                  `; ${count(people.now, 'person', 'people')} now, ${people.before.toLocaleString('en')} when you began`}
              </span>
            </h3>
            <Cells name={name} cells={cells} decided={decided} />
            {cells
              .filter(({ conflict }) => conflict)
              .map((cell) => (
                <RadioGroup
                  key={cell.tool}
                  className="mt-2"
                  label={`${cell.tool}: which shall it be?`}
                  hint={cell.conflict!.sentence}
                  name={cellKey(cell)}
                  value={decided.has(cellKey(cell)) ? (decided.get(cellKey(cell)) ? 'on' : 'off') : ''}
                  options={[
                    { value: 'on', label: `Allowed${cell.theirs ? ', as they saved it' : ''}` },
                    { value: 'off', label: `Not allowed${cell.theirs ? '' : ', as they saved it'}` },
                  ]}
                  onChange={(value) => setDecided(new Map(decided).set(cellKey(cell), value === 'on'))}
                />
              ))}
          </section>
        ))}
      </ScrollArea>
      <DialogActions>
        <Button onClick={onDrop}>Drop my changes</Button>
        <Button variant="primary" disabled={open > 0} onClick={() => onUse(decided)}>
          {open > 0 ? `${count(open, 'conflict')} to decide` : 'Continue with the result'}
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function Cells({
  name,
  cells,
  decided,
}: {
  name: string;
  cells: readonly MergedCell[];
  decided: ReadonlyMap<string, boolean>;
}) {
  if (cells.length === 0)
    return <p className="text-ink-3 text-sm">No tool differs; only its people or its name changed.</p>;
  return (
    <table
      className="border-line rounded-box w-full border text-left text-sm"
      aria-label={`Changes of ${name}`}
    >
      <thead>
        <tr className="text-ink-3 bg-sunken text-xs">
          {['Tool', 'Yours', 'Theirs', 'Result'].map((title) => (
            <th key={title} scope="col" className="px-3 py-1 font-medium">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {cells.map((cell) => {
          const result = decided.get(cellKey(cell)) ?? (cell.conflict ? null : cell.result);
          return (
            <tr key={cell.tool} className="border-line border-t">
              <th scope="row" className="px-3 py-1 font-normal">
                <code className="font-mono text-xs [overflow-wrap:anywhere]">{cell.tool}</code>
              </th>
              <td className="px-3 py-1">{deed(cell.before, cell.yours)}</td>
              <td className="px-3 py-1">{deed(cell.before, cell.theirs)}</td>
              <td className="px-3 py-1">
                {result === null ? (
                  <Badge tone="warn">decide</Badge>
                ) : (
                  <span className={classNames('font-medium', result ? 'text-success' : 'text-danger')}>
                    {result ? 'allowed' : 'not allowed'}
                  </span>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const byWhom = (names: readonly string[] = []) => (names.length > 0 ? ` by ${listed(names)}` : '');

function deed(before: boolean, after: boolean) {
  if (before === after) return <span className="text-ink-3">unchanged</span>;
  return after ? 'added' : 'removed';
}
