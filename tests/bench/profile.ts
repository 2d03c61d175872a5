// A CPU profile of this process as two tables: self time by function and by file. Time that nothing ran is left out.
import { Session, type Profiler, type Runtime } from 'node:inspector/promises';
import { findSourceMap } from 'node:module';

export interface ProfileLine {
  name: string;
  selfMs: number;
  /** Of the time that something ran. */
  share: number;
}

export interface ProfileTables {
  busyMs: number;
  functions: ProfileLine[];
  files: ProfileLine[];
}

const SAMPLE_US = 200;

/** Starts sampling; the function that it returns stops it and gives the tables, longest first. */
export async function startProfile(): Promise<() => Promise<ProfileTables>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return tablesOf(profile);
  };
}

function tablesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): ProfileTables {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const functions = new Map<string, number>();
  const files = new Map<string, number>();
  let busyMs = 0;
  const add = (table: Map<string, number>, name: string, ms: number) =>
    table.set(name, (table.get(name) ?? 0) + ms);
  for (const [n, sample] of samples.entries()) {
    const frame = byId.get(sample)!;
    // Without a file `dispatch` is the inspector, at work on this profile.
    if (frame.functionName === '(idle)' || (frame.functionName === 'dispatch' && frame.url === '')) continue;
    const ms = Math.max(0, timeDeltas[n] ?? 0) / 1_000;
    busyMs += ms;
    const file = placeOf(frame.url);
    const line = frame.url === '' ? '' : `  ${file}:${lineOf(frame)}`;
    add(functions, `${frame.functionName || '(anonymous)'}${line}`, ms);
    add(files, file || frame.functionName, ms);
  }
  const sorted = (table: Map<string, number>) =>
    [...table]
      .map(([name, selfMs]) => ({ name, selfMs, share: selfMs / busyMs }))
      .toSorted((a, b) => b.selfMs - a.selfMs)
      .slice(0, 25);
  return { busyMs, functions: sorted(functions), files: sorted(files) };
}

/** The line in the source: tsx serves each file as one line, with a source map. */
function lineOf({ url, lineNumber, columnNumber }: Runtime.CallFrame): number {
  const entry = findSourceMap(url.replace(/^file:\/\//, ''))?.findEntry(lineNumber, columnNumber);
  return (entry && 'originalLine' in entry ? entry.originalLine : lineNumber) + 1;
}

/** A file's path inside the repository, or of a package without what lies above it. */
function placeOf(url: string): string {
  return url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\//, '')
    .replace(`${process.cwd()}/`, '')
    .replace(/\?.*$/, '');
}
