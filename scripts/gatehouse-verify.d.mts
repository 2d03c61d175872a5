import type { KeyObject } from 'node:crypto';
export class CannotVerify extends Error {}
export interface KeptCheckpoint {
  organization: string;
  seq: number;
  hash: string;
  at: string;
  kind: string;
  keyId: string;
  signature: string;
}
export interface FileVerdict {
  ok: boolean;
  records: number;
  links: number;
  from: number | null;
  to: number;
  organization: string | null;
  partial: boolean | null;
  signedBy: string;
  checkpoints: number;
  faults: number;
  firstBad?: { seq: number; line: number | null; id?: string; why: string };
}
export function canonical(value: unknown): string;
export function verifyLines(
  lines: AsyncIterable<string> | Iterable<string>,
  options?: {
    keys?: Map<string, KeyObject> | null;
    checkpoints?: readonly KeptCheckpoint[];
    progress?: (lines: number) => void;
  },
): Promise<FileVerdict>;
export function readKeys(text: string): Map<string, KeyObject>;
export function readCheckpoints(text: string): KeptCheckpoint[];
export function linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string>;
