// What the palette does, by name: leads to the form, changes at once, or leaves.
'use client';
import { useRouter } from 'next/navigation';
import { signOut } from 'next-auth/react';
import { useState } from 'react';
import { ApiProblem, call } from '../api';
import { chooseTheme, type Theme } from '../theme';
import { copyText } from '../ui/copy-text';
import { toast } from '../ui/toast';
import type { Deed } from './commands';

/** `perform` does a deed; what fails is said in the palette, which stays open for it and while a deed is under way. */
export function useDeeds({
  endpoint,
  onClose,
  onShortcuts,
}: {
  endpoint: string;
  onClose: () => void;
  onShortcuts: () => void;
}): { perform: (deed: Deed) => void; pending: boolean; problem: string | null } {
  const router = useRouter();
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const go = (href: string) => {
    onClose();
    router.push(href);
  };
  const theme = (chosen: Theme) => {
    onClose();
    chooseTheme(chosen);
  };
  const deeds: Record<Deed, () => void | Promise<void>> = {
    invite: () => go('/admin/people?invite'),
    'new-group': () => go('/admin/groups?new'),
    'new-token': () => go('/tokens?new'),
    // A full load: it leaves for Asana.
    connect: () => window.location.assign('/connect/asana'),
    'copy-endpoint': async () => {
      if (!(await copyText(endpoint)))
        return setProblem(`The browser did not allow copying. The endpoint is ${endpoint}`);
      onClose();
      toast('Endpoint copied', endpoint);
    },
    'sync-tools': async () => {
      const { added, changed, removed } = await call('POST /tools/sync');
      toast(
        'Compared with Asana',
        added.length + changed.length + removed.length === 0
          ? 'Nothing changed.'
          : `${added.length} new, ${changed.length} changed, ${removed.length} gone.`,
      );
      router.refresh();
      go('/admin/tools');
    },
    'theme-system': () => theme('system'),
    'theme-light': () => theme('light'),
    'theme-dark': () => theme('dark'),
    shortcuts: onShortcuts,
    'sign-out': async () => {
      await signOut({ redirect: false, callbackUrl: '/sign-in' });
      window.location.assign('/sign-in');
    },
  };
  async function perform(deed: Deed) {
    setPending(true);
    setProblem(null);
    try {
      await deeds[deed]();
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      setProblem(error.detail ?? error.title);
    } finally {
      setPending(false);
    }
  }
  return { perform: (deed) => void (pending || perform(deed)), pending, problem };
}
