// A process that tries one revocation when told to. Answers with what became of it, if it lives that long.
import { attemptRevocation } from '../../lib/asana/revoke';
import { setEnv } from '../../lib/env';

process.on('message', ({ variables, id }: { variables: Record<string, string>; id: string }) => {
  setEnv(variables);
  void attemptRevocation(id).then((result) => process.send?.(result));
});
process.send?.('ready');
