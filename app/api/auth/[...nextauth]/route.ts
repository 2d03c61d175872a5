import NextAuth from 'next-auth';
import { authOptions } from '@/lib/portal/auth-options';
import { companyFor } from '@/lib/portal/company-provider';

export const dynamic = 'force-dynamic';

type Context = { params: Promise<{ nextauth: string[] }> };

const handler = async (request: Request, context: Context): Promise<Response> => {
  const company = await companyFor((await context.params).nextauth);
  return NextAuth(request as never, context as never, authOptions(company)) as Promise<Response>;
};

export { handler as GET, handler as POST };
