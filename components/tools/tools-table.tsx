// The catalogue as a table, grouped by class; searching and filtering happen here, the filter stands in the URL.
'use client';
import Search from 'lucide-react/icons/search';
import Link from 'next/link';
import { useState } from 'react';
import { classNames } from '../ui/class-names';
import { Badge } from '../ui/badge';
import { EmptyState } from '../ui/empty-state';
import { Cell, ActionsCell, GroupRow, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { TextField } from '../ui/text-field';
import { toolFilters, type ToolFilter } from './tool-filters';
import { StateBadges } from './tool-badges';
import { ToolActions } from './tool-actions';
import { count, toolClasses, type ToolLine } from './words';

export function ToolsTable({
  tools,
  filter,
  mayChange,
}: {
  tools: readonly ToolLine[];
  filter: ToolFilter;
  mayChange: boolean;
}) {
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const holds = toolFilters.find(({ id }) => id === filter)!.holds;
  const shown = tools.filter(
    (tool) => holds(tool) && `${tool.name} ${tool.title ?? ''}`.toLowerCase().includes(wanted),
  );
  const columns = ['Tool', { wide: 'Hints' }, 'State', 'Groups', { end: 'Tokens' }, { hidden: 'Actions' }];
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-3">
        <Filters tools={tools} filter={filter} />
        <TextField
          label="Search tools"
          hideLabel
          type="search"
          placeholder="Search tools"
          icon={<Search aria-hidden="true" />}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          className="w-full sm:w-64"
        />
      </div>
      <div className="border-line bg-surface rounded-box border">
        {shown.length === 0 ? (
          <EmptyState title="No tool matches">
            {wanted ? `Nothing is called “${search}” here.` : 'No tool is in this state.'}
          </EmptyState>
        ) : (
          <Table label="Tools" widths={['', 'w-52 max-lg:hidden', 'w-28', 'w-[24%]', 'w-22', 'w-16']}>
            <TableHead columns={columns} />
            {toolClasses.map(({ id, title, note }) => {
              const rows = shown.filter((tool) => tool.class === id);
              if (rows.length === 0) return null;
              return (
                <TableBody key={id}>
                  <GroupRow span={columns.length}>
                    <span className="font-semibold">{title}</span>{' '}
                    <span className="text-ink-3">
                      {count(rows.length, 'tool')}. {note}
                    </span>
                  </GroupRow>
                  {rows.map((tool) => (
                    <ToolRow key={tool.name} tool={tool} mayChange={mayChange} />
                  ))}
                </TableBody>
              );
            })}
          </Table>
        )}
      </div>
      <output className="sr-only">{count(shown.length, 'tool')} shown</output>
    </>
  );
}

function Filters({ tools, filter }: { tools: readonly ToolLine[]; filter: ToolFilter }) {
  return (
    <nav aria-label="Filter" className="flex flex-wrap gap-1">
      {toolFilters.map(({ id, title, holds }) => (
        <Link
          key={id}
          href={id === 'all' ? '/admin/tools' : `/admin/tools?status=${id}`}
          scroll={false}
          aria-current={id === filter ? 'page' : undefined}
          className={classNames(
            'rounded-box inline-flex h-7 items-center gap-1.5 px-2 text-sm pointer-coarse:h-9',
            id === filter ? 'bg-hover text-ink font-medium' : 'text-ink-3 hover:text-ink',
          )}
        >
          {title}
          <span className="text-ink-3 text-xs tabular-nums">{tools.filter(holds).length}</span>
        </Link>
      ))}
    </nav>
  );
}

function ToolRow({ tool, mayChange }: { tool: ToolLine; mayChange: boolean }) {
  const inOrder = tool.status === 'reviewed' && !tool.blocked;
  return (
    <Row>
      <RowHeader className="max-md:pr-10">
        <span className="flex flex-wrap items-baseline gap-x-2">
          <Link
            href={`/admin/tools/${encodeURIComponent(tool.name)}`}
            className="font-mono text-xs font-medium [overflow-wrap:anywhere] hover:underline"
          >
            {tool.name}
          </Link>
          {tool.title && <span className="text-ink-3 text-xs">{tool.title}</span>}
        </span>
      </RowHeader>
      <Cell className="max-lg:hidden!">
        <span className="flex flex-wrap gap-1">
          {tool.hints.map((hint) => (
            <Badge key={hint} tone={hint === 'destructive' ? 'danger' : 'neutral'}>
              {hint}
            </Badge>
          ))}
        </span>
      </Cell>
      <Cell label="State" className={inOrder ? 'max-md:hidden!' : ''}>
        {inOrder ? (
          <span className="text-ink-3">Reviewed</span>
        ) : (
          <span className="flex flex-wrap gap-1">
            <StateBadges tool={tool} quiet />
          </span>
        )}
      </Cell>
      <Cell label="Groups">
        <span className="flex flex-wrap gap-1">
          {tool.groups.length === 0 && <span className="text-ink-3">none</span>}
          {tool.groups.slice(0, 3).map((slug) => (
            <Badge key={slug}>{slug}</Badge>
          ))}
          {tool.groups.length > 3 && <Badge>+{tool.groups.length - 3}</Badge>}
        </span>
      </Cell>
      <Cell label="Tokens" end className="tabular-nums">
        {tool.tokens.toLocaleString('en')}
      </Cell>
      <ActionsCell>{mayChange && <ToolActions tool={tool} compact />}</ActionsCell>
    </Row>
  );
}
