// Sends a signed-in member to Asana, to authorize Gatehouse for one workspace.
import { handleConnect } from '@/lib/portal/connect-pages';

export const dynamic = 'force-dynamic';
export const GET = handleConnect;
