// Where Asana sends the member back: the one redirect URL to register there.
import { handleCallback } from '@/lib/portal/connect-pages';

export const dynamic = 'force-dynamic';
export const GET = handleCallback;
