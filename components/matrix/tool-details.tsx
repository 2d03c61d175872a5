// A tool opened in place: what a model is told, its arguments, and what can be done about it. Fetched when it is first asked for.
'use client';
import ArrowUpRight from 'lucide-react/icons/arrow-up-right';
import Link from 'next/link';
import { useEffect, useState } from 'react';
import { ApiProblem, call } from '../api';
import { Problem } from '../problem';
import { ToolActions } from '../tools/tool-actions';
import { ToolDefinitionView } from '../tools/tool-definition';
import type { Tool } from '../tools/words';
import { Button } from '../ui/button';
import { Skeleton } from '../ui/skeleton';
import type { MatrixTool } from './model';

// One answer holds all definitions, so the second tool that is opened costs nothing; a failed one is asked for again.
let definitions: Promise<readonly Tool[]> | null = null;
const readDefinitions = () =>
  (definitions ??= call('GET /tools').then(
    ({ tools }) => tools,
    (error: unknown) => {
      definitions = null;
      throw error;
    },
  ));

/** Call it when the catalogue has changed. */
export function forgetDefinitions(): void {
  definitions = null;
}

export function ToolDetails({ tool, mayChange }: { tool: MatrixTool; mayChange: boolean }) {
  const [definition, setDefinition] = useState<Tool | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let gone = false;
    readDefinitions().then(
      (tools) => gone || setDefinition(tools.find(({ name }) => name === tool.name) ?? null),
      (error: unknown) => {
        if (!gone && error instanceof ApiProblem) setProblem(error);
      },
    );
    return () => {
      gone = true;
    };
  }, [tool.name, tool.status, attempt]);
  const page = `/admin/tools/${encodeURIComponent(tool.name)}`;
  return (
    <div className="flex max-w-4xl flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Link href={page} className="text-accent inline-flex items-center gap-1 text-sm hover:underline">
          The tool’s page <ArrowUpRight aria-hidden="true" className="size-3.5" />
        </Link>
        <span className="flex-1" />
        {mayChange && <ToolActions tool={tool} size="sm" />}
      </div>
      {definition ? (
        <ToolDefinitionView definition={definition.seen ?? definition} />
      ) : problem ? (
        <div className="flex flex-col items-start gap-2">
          <Problem problem={problem} />
          <Button
            size="sm"
            onClick={() => {
              setProblem(null);
              setAttempt(attempt + 1);
            }}
          >
            Try again
          </Button>
        </div>
      ) : (
        <output aria-busy="true" aria-label="Loading the definition" className="flex flex-col gap-2">
          <Skeleton className="h-4 w-3/4" />
          <Skeleton className="h-16 w-full" />
        </output>
      )}
    </div>
  );
}
