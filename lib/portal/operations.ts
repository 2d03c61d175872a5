// The one table of everything /api/v1 and the portal can do. OpenAPI, the role matrix and the routes come from it.
import type { z } from 'zod';
import { activityOperations } from './operations-activity';
import { approvalOperations } from './operations-approvals';
import { auditOperations } from './operations-audit';
import { clientOperations } from './operations-clients';
import { configOperations } from './operations-config';
import { directoryOperations } from './operations-directory';
import { driftOperations } from './operations-drift';
import { meOperations } from './operations-me';
import { offboardingOperations } from './operations-offboarding';
import { organizationOperations } from './operations-organization';
import { peopleOperations } from './operations-people';
import { policyOperations } from './operations-policy';
import { undoOperations } from './operations-undo';
import { writeSafetyOperations } from './operations-write-safety';
import type { Operation } from './operation';

/** Keyed by method and path (below /api/v1). */
export const operations = {
  ...organizationOperations,
  ...peopleOperations,
  ...meOperations,
  ...policyOperations,
  ...activityOperations,
  ...clientOperations,
  ...auditOperations,
  ...driftOperations,
  ...offboardingOperations,
  ...directoryOperations,
  ...approvalOperations,
  ...configOperations,
  ...writeSafetyOperations,
  ...undoOperations,
};

type Table = typeof operations;
export type OperationName = keyof Table & string;

type Given<T> = T extends z.ZodType<infer O> ? O : never;
type GivenOrNothing<T> = keyof Given<T> extends never ? undefined : Given<T>;

/** What a caller passes. */
export interface OperationInput<N extends OperationName> {
  path?: GivenOrNothing<Table[N]['path']>;
  query?: Given<Table[N]['query']>;
  body?: GivenOrNothing<Table[N]['body']>;
  /** A group's `version`. */
  ifMatch?: string;
}

/** What it answers. */
export type OperationAnswer<N extends OperationName> =
  Exclude<Table[N]['answer'], string> extends z.ZodType<infer A> ? A : never;

/** The table's entries, for the router, OpenAPI and the matrix of tests. */
export function operationEntries(): {
  name: OperationName;
  method: string;
  path: string;
  operation: Operation;
}[] {
  return Object.entries(operations).map(([name, operation]) => {
    const [method, path] = name.split(' ') as [string, string];
    return { name: name as OperationName, method, path, operation: operation as unknown as Operation };
  });
}
