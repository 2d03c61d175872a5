export function processName(pid: number): string | undefined;
export function isRunning(name: string): boolean;
export function withLock<T>(
  folder: string,
  name: string,
  work: () => Promise<T>,
  onWait?: (holderPid: number) => void,
): Promise<T>;
