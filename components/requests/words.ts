// What the portal calls the states of a request.
import type { OperationAnswer } from '@/lib/portal/operations';
import type { Tone } from '../ui/badge';

export type OwnRequest = OperationAnswer<'GET /me/tool-requests'>['requests'][number];
export type OpenRequest = OperationAnswer<'GET /tool-requests'>['requests'][number];

export const requestStates: Record<OwnRequest['status'], { text: string; tone: Tone }> = {
  open: { text: 'Open', tone: 'accent' },
  accepted: { text: 'Accepted', tone: 'success' },
  declined: { text: 'Declined', tone: 'danger' },
  withdrawn: { text: 'Withdrawn', tone: 'neutral' },
};
