// next-auth's options: sign-in by e-mail and password, and through the company's identity provider where one is configured. The
// cookie's JWT carries a session id; the session's row decides, at every request, whether it still counts.
import type { NextAuthOptions } from 'next-auth';
import Credentials from 'next-auth/providers/credentials';
import type { Company } from '../directory/company';
import { signInThroughCompany, type Claims } from '../directory/company-sign-in';
import { companySignIn, env } from '../env';
import { AppError } from '../errors';
import { log } from '../log';
import { endSession, findSession, startSession, type SignedIn } from '../people/sessions';
import { signIn } from '../people/sign-in';
import { companyProviders, reasonOf } from './company-provider';
import { sessionCookieName } from './session-cookie';

declare module 'next-auth' {
  interface Session {
    member: SignedIn | null;
  }
  interface User {
    organizationId: string;
  }
}

/** The header in which server.ts tells the network address of the caller; it replaces whatever a client sent under this name. */
export const ADDRESS_HEADER = 'x-gatehouse-address';

/** Built at run time, not at build time: it reads the environment. `company` is needed where somebody signs in through it, only. */
export function authOptions(company: Company | null = null): NextAuthOptions {
  const secure = env().GATEHOUSE_URL.startsWith('https://');
  const cookie = { httpOnly: true, sameSite: 'lax', path: '/', secure } as const;
  return {
    secret: env().GATEHOUSE_SECRET,
    session: { strategy: 'jwt', maxAge: 12 * 3600 },
    pages: { signIn: '/sign-in', error: '/sign-in', signOut: '/sign-in' },
    useSecureCookies: secure,
    cookies: {
      sessionToken: { name: sessionCookieName(), options: cookie },
    },
    providers: [
      Credentials({
        id: 'credentials',
        credentials: { email: { type: 'email' }, password: { type: 'password' } },
        async authorize(given, request) {
          const { email, password } = given ?? {};
          if (
            typeof email !== 'string' ||
            typeof password !== 'string' ||
            email.length > 320 ||
            password.length > 200
          )
            return null;
          const address = String(
            (request.headers as Record<string, string> | undefined)?.[ADDRESS_HEADER] ?? 'unknown',
          );
          try {
            return await signIn({ email, password, address });
          } catch (error) {
            if (error instanceof AppError && error.code === 'too_many_attempts') throw new Error('locked');
            log().error({ err: error }, 'sign-in failed');
            throw new Error('unavailable');
          }
        },
      }),
      ...companyProviders(company),
    ],
    callbacks: {
      async signIn({ user, account, profile }) {
        if (account?.provider !== 'oidc') return true;
        try {
          const answer = await signInThroughCompany(profile as unknown as Claims, companySignIn()!);
          if ('refusal' in answer) return `/sign-in?error=${answer.refusal}`;
          // next-auth goes on with this very object.
          Object.assign(user, answer.member);
          return true;
        } catch (error) {
          log().error({ err: error }, 'sign-in through the company failed');
          return '/sign-in?error=company_unavailable';
        }
      },
      async jwt({ token, user }) {
        if (user) token.sid = await startSession({ id: user.id, organizationId: user.organizationId });
        return token;
      },
      async session({ session, token }) {
        const member = typeof token.sid === 'string' ? await findSession(token.sid) : null;
        // What browsers may read under /api/auth/session; an ended session shows nobody.
        return member
          ? { expires: session.expires, user: { name: member.name, email: member.email }, member }
          : { expires: session.expires, member: null };
      },
    },
    events: {
      async signOut({ token }) {
        if (typeof token?.sid === 'string') await endSession(token.sid);
      },
    },
    logger: {
      error: (event, metadata) => log().warn({ event, reason: reasonOf(metadata) }, 'next-auth'),
      warn: () => undefined,
      debug: () => undefined,
    },
  };
}
