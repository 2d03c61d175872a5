import { serveScim } from '@/lib/directory/serve-scim';

export const dynamic = 'force-dynamic';

export const GET = serveScim;
export const POST = serveScim;
export const PUT = serveScim;
export const PATCH = serveScim;
export const DELETE = serveScim;
