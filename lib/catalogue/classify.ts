// What kind of tool a definition describes, what it costs a model to read, and whether two definitions are the same. Pure.
import { hash } from 'node:crypto';
import { canonicalJson } from '../audit/canonical';

export type ToolClass = 'read' | 'write' | 'destructive' | 'internal' | 'unknown';

/** A tool as Asana lists it; members that we do not know are kept. */
export interface ToolDefinition {
  name: string;
  title?: string;
  description?: string;
  inputSchema?: unknown;
  annotations?: {
    title?: string;
    readOnlyHint?: boolean;
    destructiveHint?: boolean;
    [hint: string]: unknown;
  };
  _meta?: { [key: string]: unknown };
  [member: string]: unknown;
}

/**
 * The class by Asana's hints. Widget-internal tools are `internal` whatever they say; without hints the class is `unknown`, which
 * everything treats as destructive. A class never opens a tool: only an admin does (PB-14).
 */
export function classify(tool: ToolDefinition): ToolClass {
  const title = tool.title ?? tool.annotations?.title ?? '';
  const visibility = (tool._meta?.ui as { visibility?: unknown } | undefined)?.visibility;
  const appOnly =
    Array.isArray(visibility) && visibility.length > 0 && visibility.every((entry) => entry === 'app');
  if (title.startsWith('[Internal]') || appOnly) return 'internal';
  const { readOnlyHint, destructiveHint } = tool.annotations ?? {};
  if (destructiveHint === true) return readOnlyHint === true ? 'unknown' : 'destructive';
  if (readOnlyHint === true) return 'read';
  return readOnlyHint === false && destructiveHint === false ? 'write' : 'unknown';
}

/** About how many tokens the definition takes in a model's context: one per four characters of what clients hand to the model. */
export function tokenCost(tool: ToolDefinition): number {
  const { name, description, inputSchema } = tool;
  return Math.ceil(JSON.stringify({ name, description, inputSchema }).length / 4);
}

/** Whether two definitions are the same in every member, known or not; the order of keys does not count. */
export function sameDefinition(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/**
 * SHA-256 of a definition, the same for definitions that `sameDefinition` calls the same. By it the gate knows, of a list that passes
 * through it, which tools are as an admin reviewed them.
 */
export function fingerprintOf(definition: unknown): string {
  return hash('sha256', canonicalJson(definition), 'base64url');
}
