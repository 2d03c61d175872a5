// The bench's processes: each ends with the bench, however that ends, and one that fails says why.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.mjs';

export interface Child {
  pid: number;
  /** Gives an order and waits for its answer. Throws what the process says went wrong, and where it ended meanwhile. */
  tell<Answer>(order: string, given?: unknown): Promise<Answer>;
  end(): Promise<void>;
}

interface Told {
  n: number;
  order: string;
  given: unknown;
}
type Said = { n: number; answer?: unknown; failure?: string };

const running = new Set<ChildProcess>();

/**
 * Starts `file` of this folder with the environment of this process and `env`, and waits until it obeys. `built`: as one file of plain
 * JavaScript, as `npm run build` makes of server.ts.
 */
export async function startChild(
  file: string,
  {
    env = {},
    execArgv = [],
    built = false,
  }: { env?: Record<string, string>; execArgv?: string[]; built?: boolean } = {},
): Promise<Child> {
  const source = fileURLToPath(new URL(file, import.meta.url));
  const program = built ? await bundle(source, `bench-${file.replace(/\.ts$/, '')}`) : source;
  const child = fork(program, {
    execArgv: [...(built ? [] : ['--import', 'tsx']), ...execArgv],
    env: { ...process.env, ...env },
    // Whatever it prints belongs beside the table, not into it.
    stdio: ['ignore', 2, 2, 'ipc'],
    serialization: 'advanced', // JSON has no NaN
  });
  running.add(child);
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let orders = 0;
  child.on('message', ({ n, answer, failure }: Said) => {
    const asked = waiting.get(n);
    waiting.delete(n);
    if (failure === undefined) asked?.resolve(answer);
    else asked?.reject(new Error(`${file}: ${failure}`));
  });
  child.once('exit', (code, signal) => {
    running.delete(child);
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${signal ?? code}`));
    waiting.clear();
  });
  const tell = (order: string, given?: unknown): Promise<unknown> => {
    orders += 1;
    const n = orders;
    return new Promise((resolve, reject) => {
      waiting.set(n, { resolve, reject });
      child.send({ n, order, given }, (error) => error && reject(error));
    });
  };
  await tell('ready');
  return {
    pid: child.pid!,
    tell: tell as Child['tell'],
    async end() {
      if (!running.has(child)) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Ends all that still run, each by its own id. */
export function endChildren(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** The other side: obeys orders by name until the bench is gone. */
export function obey(orders: Record<string, (given: any) => unknown>): void {
  process.on('message', ({ n, order, given }: Told) => {
    const work = async () => (order === 'ready' ? null : orders[order]!(given));
    void work().then(
      (answer) => process.send?.({ n, answer: answer ?? null } satisfies Said),
      (error: Error) => process.send?.({ n, failure: error.stack ?? error.message } satisfies Said),
    );
  });
  process.on('disconnect', () => process.exit());
  // Ctrl-C reaches the whole group; the bench decides who ends when.
  process.on('SIGINT', () => undefined);
}
