// The tools of one group as a list of boxes: what the matrix becomes on a narrow screen, and the tool part of a group's own page.
'use client';
import ChevronRight from 'lucide-react/icons/chevron-right';
import { useEffect, useRef, useState } from 'react';
import { StateBadges } from '../tools/tool-badges';
import { count } from '../tools/words';
import { Badge } from '../ui/badge';
import { Checkbox } from '../ui/checkbox';
import { classNames } from '../ui/class-names';
import { HALF, PENDING, rowText, type Column } from './cells';
import { Hints, pairWords } from './matrix-row';
import type { MatrixTool, Section } from './model';
import { listed, type Pairs } from './pairs';
import { ToolDetails } from './tool-details';

/** `found` is scrolled to at the start. */
export function ToolList({
  sections,
  tools,
  column,
  pairs,
  mayChange = true,
  found = null,
  onSet,
}: {
  sections: readonly Section[];
  tools: ReadonlyMap<string, MatrixTool>;
  column: Column;
  pairs: Pairs;
  mayChange?: boolean;
  found?: string | null;
  onSet: (tools: string[], on: boolean) => void;
}) {
  return (
    <div className="flex flex-col gap-4">
      {sections.map((section) => {
        const names = section.tools.map(({ name }) => name);
        const ticked = names.filter((name) => column.ticked.has(name)).length;
        return (
          <fieldset key={section.id}>
            <legend className="sr-only">{section.title}</legend>
            <Checkbox
              disabled={!mayChange}
              checked={ticked === names.length}
              indeterminate={ticked > 0 && ticked < names.length}
              onChange={(event) => onSet(names, event.target.checked)}
              className="border-line border-b pb-1.5"
            >
              <span className="flex flex-wrap items-baseline gap-x-2">
                <span className="text-sm font-semibold">{section.title}</span>
                <span className="text-ink-3 text-xs">
                  {ticked} of {count(names.length, 'tool')}
                </span>
                <span className="text-ink-3 basis-full text-xs">{section.note}</span>
              </span>
            </Checkbox>
            <ul>
              {section.tools.map((tool) => (
                <Item
                  key={tool.name}
                  {...{ tool, tools, column, pairs, mayChange, onSet }}
                  found={found === tool.name}
                />
              ))}
            </ul>
          </fieldset>
        );
      })}
    </div>
  );
}

function Item({
  tool,
  tools,
  column,
  pairs,
  mayChange,
  found,
  onSet,
}: {
  tool: MatrixTool;
  tools: ReadonlyMap<string, MatrixTool>;
  column: Column;
  pairs: Pairs;
  mayChange: boolean;
  found: boolean;
  onSet: (tools: string[], on: boolean) => void;
}) {
  const [opened, setOpened] = useState(false);
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (found) item.current?.scrollIntoView({ block: 'center' });
  }, [found]);
  const code = Number(rowText(tool.name, [column], pairs));
  const on = column.ticked.has(tool.name);
  const needs = pairs.needs.get(tool.name);
  const about = pairWords(tool, needs, pairs.serves.get(tool.name), tools) ?? tool.summary;
  return (
    <li ref={item} className={classNames('border-line border-b last:border-b-0', found && 'bg-accent-soft')}>
      <div className="flex items-start gap-1">
        <Checkbox
          disabled={!mayChange}
          checked={on}
          onChange={(event) => onSet([tool.name], event.target.checked)}
          className="min-w-0 flex-1 py-1.5"
        >
          <span className="flex flex-wrap items-center gap-1.5">
            <code className="font-mono text-xs leading-5 [overflow-wrap:anywhere]">{tool.name}</code>
            <StateBadges tool={tool} quiet />
            <Hints hints={tool.hints.filter((hint) => hint === 'destructive')} />
            {(code & PENDING) !== 0 && (
              <Badge tone={on ? 'success' : 'danger'}>{on ? 'added, not saved' : 'removed, not saved'}</Badge>
            )}
          </span>
          {about && <span className="text-ink-3 block text-xs">{about}</span>}
          {(code & HALF) !== 0 && needs && (
            <span className="text-warn block text-xs">Its button fails without {listed(needs)}.</span>
          )}
        </Checkbox>
        <button
          type="button"
          aria-expanded={opened}
          aria-label={`Arguments of ${tool.name}`}
          onClick={() => setOpened(!opened)}
          className="text-ink-3 hover:bg-hover rounded-inner inline-flex size-8 shrink-0 items-center justify-center pointer-coarse:size-10"
        >
          <ChevronRight aria-hidden="true" className={classNames('size-4', opened && 'rotate-90')} />
        </button>
      </div>
      {opened && (
        <div className="bg-sunken rounded-box mb-2 px-3 py-2">
          <ToolDetails tool={tool} mayChange={mayChange} />
        </div>
      )}
    </li>
  );
}
